package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/provider"
)

func TestConfigFromEnvironment(t *testing.T) {
	t.Parallel()
	environment := map[string]string{
		"TWOCAPTCHA_API_KEY":      "the key",
		"TWOCAPTCHA_API_KEY_FILE": "the file",
		"TWOCAPTCHA_API_URL":      "the URL",
		"TWOCAPTCHA_NEXUS":        "off",
		"TWOCAPTCHA_MIN_BALANCE":  "the floor",
	}
	require.Equal(t, provider.Config{ClientKey: "the key", ClientKeyFile: "the file", APIURL: "the URL", MinBalance: "the floor", DisableNexus: true},
		provider.ConfigFromEnvironment(func(name string) string { return environment[name] }))
	require.Zero(t, provider.ConfigFromEnvironment(func(string) string { return "" }))
}

func TestWrongConfig(t *testing.T) {
	t.Parallel()
	const key = "fedcba9876543210fedcba9876543210"
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for name, test := range map[string]struct {
		config  provider.Config
		message string
	}{
		"no key":                {provider.Config{}, "ClientKey or ClientKeyFile must be given"},
		"key and file":          {provider.Config{ClientKey: key, ClientKeyFile: empty}, "not both"},
		"key of white space":    {provider.Config{ClientKey: " \n"}, "ClientKey is empty"},
		"key in quotes":         {provider.Config{ClientKey: `"` + key + `"`}, "has quotes around it"},
		"key with its name":     {provider.Config{ClientKey: "TWOCAPTCHA_API_KEY=" + key}, `begins with a name and "="`},
		"a placeholder":         {provider.Config{ClientKey: "your-client-key"}, "is a placeholder"},
		"two keys in one":       {provider.Config{ClientKey: key + " " + key}, "white space"},
		"no such file":          {provider.Config{ClientKeyFile: filepath.Join(t.TempDir(), "none")}, "no such file"},
		"empty file":            {provider.Config{ClientKeyFile: empty}, "is empty"},
		"a folder":              {provider.Config{ClientKeyFile: t.TempDir()}, "not a regular file"},
		"key in place of file":  {provider.Config{ClientKeyFile: key}, "can't be read"},
		"URL in the clear":      {provider.Config{ClientKey: key, APIURL: "http://api.2captcha.com"}, "would send the client key in the clear"},
		"URL without a scheme":  {provider.Config{ClientKey: key, APIURL: "api.2captcha.com"}, "must be an absolute URL"},
		"URL with another one":  {provider.Config{ClientKey: key, APIURL: "ftp://api.2captcha.com"}, `scheme "ftp"`},
		"URL of a method":       {provider.Config{ClientKey: key, APIURL: "https://api.2captcha.com/getTaskResult"}, "give the API's base, https://api.2captcha.com"},
		"URL that is broken":    {provider.Config{ClientKey: key, APIURL: "https://%zz/" + key}, "must be an absolute URL"},
		"URL with a password":   {provider.Config{ClientKey: key, APIURL: "https://user:" + key + "@host"}, "user name or password"},
		"callback URL alone":    {provider.Config{ClientKey: key, CallbackURL: "https://example.com"}, "CallbackURL and CallbackSecret are given together"},
		"callback secret alone": {provider.Config{ClientKey: key, CallbackSecret: key}, "CallbackURL and CallbackSecret are given together"},
		"bad callback URL":      {provider.Config{ClientKey: key, CallbackURL: "https://u:" + key + "@example.com", CallbackSecret: key}, "must not hold a user name or password"},
		"bad floor":             {provider.Config{ClientKey: key, MinBalance: "+1"}, `MinBalance: "+1" is not an amount`},
		"URL with the key":      {provider.Config{ClientKey: key, APIURL: "https://host/?key=" + key}, "query or fragment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plugin, err := provider.NewPlugin(test.config)

			require.Nil(t, plugin)
			require.ErrorContains(t, err, "temporal-2captcha: ")
			require.ErrorContains(t, err, test.message)
			require.NotContains(t, err.Error(), key)
			require.EqualError(t, provider.Register(newEnvironment(), test.config), err.Error())
		})
	}
}

func TestKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	const secret = "a secret of the tests, 32 bytes."
	plugin, err := provider.NewPlugin(provider.Config{
		ClientKey: clientKey, CallbackURL: "https://example.com", CallbackSecret: secret,
	})
	require.NoError(t, err)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, plugin), clientKey)
		require.NotContains(t, fmt.Sprintf(format, plugin), secret)
	}
}
