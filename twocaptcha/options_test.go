package twocaptcha_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestURLsThatAreTaken(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"",
		"https://api.2captcha.com",
		"https://api.2captcha.com/",
		"HTTPS://api.2captcha.com:8443/a/prefix/",
		"http://localhost:8080",
		"http://LOCALHOST",
		"http://127.0.0.1:8080/prefix",
		"http://127.8.9.10",
		"http://[::1]:8080",
		"http://[::ffff:127.0.0.1]:8080",
		"https://gettaskresult",
		"https://api.2captcha.com/getTaskResult/v2",
		"https://api.2captcha.com/my-getTaskResult",
	} {
		_, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: url})
		require.NoError(t, err, "URL %q", url)
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	t.Parallel()
	for url, expected := range map[string]string{
		"http://api.2captcha.com":                  "in the clear: use https://",
		"http://10.0.0.1:8080":                     "in the clear: use https://",
		"http://localhost.example.com":             "in the clear: use https://",
		"http://127.0.0.1.example.com":             "in the clear: use https://",
		"http://0.0.0.0":                           "in the clear: use https://",
		"http://[::2]":                             "in the clear: use https://",
		"ftp://api.2captcha.com":                   `scheme "ftp"`,
		"api.2captcha.com":                         "must be an absolute URL",
		"localhost:8080":                           "must be an absolute URL",
		"//api.2captcha.com":                       `scheme ""`,
		"https://":                                 "must be an absolute URL",
		"https://:443":                             "must be an absolute URL",
		"https://api.2captcha.com:99999":           "must be an absolute URL",
		"https://api.2captcha.com:":                "must be an absolute URL",
		"https:api.2captcha.com":                   "must be an absolute URL",
		"https://api.2captcha.com?a=1":             "query or fragment",
		"https://api.2captcha.com?":                "query or fragment",
		"https://api.2captcha.com#a":               "query or fragment",
		"https://api.2captcha.com#":                "query or fragment",
		"https://user:hunter2@api.2captcha.com":    "user name or password",
		"http://user:hunter2@localhost":            "user name or password",
		"http://user:hunter2@api.2captcha.com":     "user name or password",
		"https://user:hunter2@[::1":                "must be an absolute URL",
		"https://user:hunter2 @api.2captcha.com":   "must be an absolute URL",
		"https://api.2captcha.com:hunter2":         "must be an absolute URL",
		"https://api.2captcha.com/\n":              "must be an absolute URL",
		" https://api.2captcha.com":                "must be an absolute URL",
		"https://api.2captcha.com/getTaskResult":   "URL ends in /getTaskResult, which is a method: give the API's base, https://api.2captcha.com",
		"HTTPS://api.2captcha.com:8443/CREATETASK": "give the API's base, https://api.2captcha.com:8443",
		"https://api.2captcha.com/getBalance/":     "URL ends in /getBalance",
		"https://api.2captcha.com//reportCorrect":  "URL ends in /reportCorrect",
		"https://a/hunter2/reportIncorrect//":      "URL ends in /reportIncorrect, which is a method: give the API's base, the part before it",
		"https://2captcha.com/in.php":              "URL ends in /in.php, which is of version 1 of the API: give the base of version 2, like https://api.2captcha.com",
		"https://2captcha.com/RES.php":             "version 1 of the API",
		"http://localhost:8080/getTaskResul%74":    "URL ends in /getTaskResult",
		"https://localhost/" + longText("a", 1000): "over 1000 bytes",
	} {
		_, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: url})
		require.ErrorContains(t, err, "URL ", "URL %q", url)
		require.ErrorContains(t, err, expected, "URL %q", url)
		require.NotContains(t, err.Error(), "hunter2", "URL %q", url)
	}
}

func TestClientKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	pipe := filepath.Join(folder, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	missing := filepath.Join(folder, "missing")

	for name, test := range map[string]struct {
		options  twocaptcha.Options
		expected string
	}{
		"none":           {twocaptcha.Options{}, "ClientKey or ClientKeyFile must be given"},
		"both":           {twocaptcha.Options{ClientKey: clientKey, ClientKeyFile: file("both", clientKey)}, "not both"},
		"blank":          {twocaptcha.Options{ClientKey: " \t\n"}, "ClientKey is empty"},
		"inner space":    {twocaptcha.Options{ClientKey: clientKey + " " + clientKey}, "ClientKey has white space"},
		"line break":     {twocaptcha.Options{ClientKey: clientKey + "\n" + clientKey}, "ClientKey has white space"},
		"NUL":            {twocaptcha.Options{ClientKey: clientKey + "\x00"}, "ClientKey has white space or control"},
		"invisible":      {twocaptcha.Options{ClientKey: clientKey + "\u200b"}, "ClientKey has white space or control"},
		"invalid UTF-8":  {twocaptcha.Options{ClientKey: clientKey + "\xff"}, "ClientKey has white space or control"},
		"long":           {twocaptcha.Options{ClientKey: longText(clientKey, 257)}, "ClientKey is over 256 bytes"},
		"double quotes":  {twocaptcha.Options{ClientKey: `"` + clientKey + `"`}, "ClientKey has quotes around it: give the key without them"},
		"quotes":         {twocaptcha.Options{ClientKey: " '" + clientKey + "' "}, "ClientKey has quotes around it"},
		"back quotes":    {twocaptcha.Options{ClientKey: "`" + clientKey + "`"}, "ClientKey has quotes around it"},
		"curly quotes":   {twocaptcha.Options{ClientKey: "“" + clientKey + "”"}, "ClientKey has quotes around it"},
		"one quote":      {twocaptcha.Options{ClientKey: clientKey + `"`}, "ClientKey has quotes around it"},
		"quotes in file": {twocaptcha.Options{ClientKeyFile: file("quotes", `"`+clientKey+`"`+"\n")}, "quotes has quotes around it"},
		"assignment":     {twocaptcha.Options{ClientKey: "TWOCAPTCHA_API_KEY=" + clientKey}, `ClientKey begins with a name and "="`},
		"a line of .env": {twocaptcha.Options{ClientKeyFile: file("env", "TWOCAPTCHA_API_KEY = "+clientKey+"\n")}, `env begins with a name and "="`},
		"lines of .env":  {twocaptcha.Options{ClientKeyFile: file("lines", "A=b\nKEY="+clientKey+"\n")}, `lines begins with a name and "="`},
		"export":         {twocaptcha.Options{ClientKey: "export KEY=" + clientKey}, `ClientKey begins with a name and "="`},
		"of PowerShell":  {twocaptcha.Options{ClientKey: "$env:KEY=" + clientKey}, `ClientKey begins with a name and "="`},
		"JSON":           {twocaptcha.Options{ClientKeyFile: file("json", `{"clientKey":"`+clientKey+`"}`)}, "is JSON"},
		"empty file":     {twocaptcha.Options{ClientKeyFile: file("empty", "\n")}, filepath.Join(folder, "empty") + " is empty"},
		"file of two":    {twocaptcha.Options{ClientKeyFile: file("two", clientKey+"\n"+clientKey)}, "white space"},
		"large file":     {twocaptcha.Options{ClientKeyFile: file("large", longText(clientKey, 1<<20))}, "over 256 bytes"},
		"missing file":   {twocaptcha.Options{ClientKeyFile: missing}, missing + " can't be read: no such file"},
		"folder":         {twocaptcha.Options{ClientKeyFile: folder}, folder + " is not a regular file"},
		"pipe":           {twocaptcha.Options{ClientKeyFile: pipe}, pipe + " is not a regular file"},
		"key as a file":  {twocaptcha.Options{ClientKeyFile: clientKey}, "the client key file can't be read: no such file"},
		"escape in path": {twocaptcha.Options{ClientKeyFile: "./a\x1b[31m\n\xff"}, "./a [31m"},
	} {
		_, err := twocaptcha.NewClient(test.options)
		require.ErrorContains(t, err, test.expected, name)
		require.NotContains(t, err.Error(), clientKey, name)
	}
}

func TestPlaceholdersAreRefusedAsClientKeys(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"<YOUR_API_KEY>", "<your key>", "YOUR_API_KEY", "your-client-key", "YourApiKey", "your_2captcha_api_key_here", "insert-your-key",
		"{{ key }}", "{{.Values.key}}", "{key}", "[API KEY]", "[redacted]", "[client key]", "$KEY", "${KEY}", "$(cat key)", "%KEY%",
		"API_KEY", "TWOCAPTCHA_API_KEY", "xxxxxxxxxxxxxxxx", "XXXXXXXX-XXXX", "********", "...", "…………",
	} {
		_, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: " " + key + "\n"})
		require.EqualError(t, err, "twocaptcha: ClientKey is a placeholder, like <YOUR_API_KEY> or $KEY: "+
			"put the account's API key in its place", "key %s", key)
	}
}

// Keys of relatives of the service and of tests have other forms than the service's.
func TestClientKeysThatAreTaken(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		clientKey, strings.ToUpper(clientKey), "key", "test-key", "a-client-key", "a-key-of-the-test", "api-key", "monkey",
		"0123456789abcdef0123456789abcdef", "CAP-0123456789ABCDEF0123456789ABCDEF", "c2VjcmV0LWtleQ==", "c2VjcmV0LWtleT0=",
		"a.b-c_d", "your", "yourself", "x", "1=2", "5%", "a$b", "ключ",
	} {
		_, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: key + "\n"})
		require.NoError(t, err, "key %s", key)
	}
}

func TestNegativeTimeoutIsRefused(t *testing.T) {
	t.Parallel()
	_, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, Timeout: -1})
	require.EqualError(t, err, "twocaptcha: Timeout is -1ns: it takes a positive duration, or 0 for 15s")
}

func TestPrintedClientShowsNoKey(t *testing.T) {
	t.Parallel()
	client := newClient(t, "")
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		require.NotContains(t, fmt.Sprintf(verb, client), clientKey)
		require.NotContains(t, fmt.Sprintf(verb, *client), clientKey)
	}
}

func longText(piece string, length int) string {
	return strings.Repeat(piece, length/len(piece)+1)[:length]
}
