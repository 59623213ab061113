package command_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

const secret = "a secret of the tests, 32 bytes."

func TestCallbackSecret(t *testing.T) {
	t.Parallel()
	const variable, fileVariable = "TWOCAPTCHA_CALLBACK_SECRET=", "TWOCAPTCHA_CALLBACK_SECRET_FILE="
	folder := t.TempDir()
	file := func(content string) string {
		file, err := os.CreateTemp(folder, secret) // its name is not to be shown
		require.NoError(t, err)
		defer file.Close()
		_, err = file.WriteString(content)
		require.NoError(t, err)
		return fileVariable + file.Name()
	}
	const (
		missing = "the secret of callback addresses is missing: set TWOCAPTCHA_CALLBACK_SECRET, or TWOCAPTCHA_CALLBACK_SECRET_FILE to a file that holds it"
		theFile = "the file that TWOCAPTCHA_CALLBACK_SECRET_FILE names "
	)
	tests := map[string]struct {
		environment command.Environment
		secret      string
		message     string // "": there is a secret
	}{
		"a variable":                {command.Environment{variable + secret}, secret, ""},
		"a variable and a line end": {command.Environment{variable + secret + "\n"}, secret, ""},
		"a file":                    {command.Environment{file(secret)}, secret, ""},
		"a file with a line end":    {command.Environment{file(secret + "\r\n")}, secret, ""},
		"a file of any bytes":       {command.Environment{file(" \x00\n\xff ")}, " \x00\n\xff ", ""},
		"a file and nothing":        {command.Environment{variable, file(secret)}, secret, ""},
		"the longest":               {command.Environment{file(strings.Repeat("x", 4096))}, strings.Repeat("x", 4096), ""},
		"nothing":                   {nil, "", missing},
		"an empty variable":         {command.Environment{variable}, "", missing},
		"a line end alone":          {command.Environment{variable + "\n"}, "", missing},
		"an empty path":             {command.Environment{fileVariable}, "", missing},
		"both":                      {command.Environment{variable + secret, file(secret)}, "", "TWOCAPTCHA_CALLBACK_SECRET and TWOCAPTCHA_CALLBACK_SECRET_FILE are both set: set one of them"},
		"no such file":              {command.Environment{fileVariable + secret}, "", theFile + "can't be read: no such file or directory"},
		"a folder":                  {command.Environment{fileVariable + folder}, "", theFile + "can't be read: is a directory"},
		"an empty file":             {command.Environment{file("\n")}, "", theFile + "is empty: it takes the secret of callback addresses"},
		"another file by mistake":   {command.Environment{file(strings.Repeat("x", 4097))}, "", theFile + "is over 4096 bytes long: it takes the secret of callback addresses and nothing else"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := command.CallbackSecret(test.environment)
			if test.message != "" {
				require.EqualError(t, err, test.message)
				require.Empty(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.secret, got)
		})
	}
}

func TestCallbackURLIsChecked(t *testing.T) {
	t.Parallel()
	require.NoError(t, command.CallbackURLFlag{}.CheckCallbackURL())
	require.NoError(t, command.CallbackURLFlag{CallbackURL: "https://example.com/2captcha/"}.CheckCallbackURL())
	require.EqualError(t, command.CallbackURLFlag{CallbackURL: "example.com"}.CheckCallbackURL(),
		"TWOCAPTCHA_CALLBACK_URL, or --callback-url: callback: the base must be an http or https URL, such as https://example.com/2captcha")
}
