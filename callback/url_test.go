package callback_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

func TestAddressIsBaseAndToken(t *testing.T) {
	t.Parallel()
	for given, expected := range map[string]string{
		"https://example.com":             "https://example.com/",
		"https://example.com/":            "https://example.com/",
		"http://example.com":              "http://example.com/",
		"HTTPS://example.com":             "https://example.com/",
		"https://example.com:8443/a/b":    "https://example.com:8443/a/b/",
		"https://example.com/a/b/":        "https://example.com/a/b/",
		"https://example.com/a/b//":       "https://example.com/a/b/",
		"https://example.com/a%2Fb/c%20d": "https://example.com/a%2Fb/c%20d/",
		"http://192.0.2.1:8080":           "http://192.0.2.1:8080/",
		"http://[2001:db8::1]/":           "http://[2001:db8::1]/",
		"https://xn--bcher-kva.example/x": "https://xn--bcher-kva.example/x/",
	} {
		address, err := callback.URL(given, secret)
		require.NoError(t, err, given)
		require.Regexp(t, `^task\.[\w-]{22}\.[\w-]{43}$`, strings.TrimPrefix(address, expected), "of %s", given)

		address, err = callback.WorkflowURL(given, secret, "order-7")
		require.NoError(t, err, given)
		require.Regexp(t, `^workflow\.b3JkZXItNw\.[\w-]{43}$`, strings.TrimPrefix(address, expected), "of %s", given)
	}
}

func TestBaseThatIsNone(t *testing.T) {
	t.Parallel()
	const (
		noURL = "callback: the base must be an http or https URL, such as https://example.com/2captcha"
		query = "callback: the base must not hold a query or fragment: give one like https://example.com/2captcha"
		user  = "callback: the base must not hold a user name or password"
	)
	for given, message := range map[string]string{
		"":                             noURL,
		"example.com":                  noURL,
		"example.com:8080":             noURL,
		"/2captcha":                    noURL,
		"//example.com":                noURL,
		"ftp://example.com":            noURL,
		"https:example.com":            noURL,
		"https://":                     noURL,
		"https:///path":                noURL,
		"https://:8080":                noURL,
		"https://example.com:":         noURL,
		"https://example.com:0":        noURL,
		"https://example.com:65536":    noURL,
		"https://exa mple.com":         noURL,
		"https://example.com/%zz":      noURL,
		" https://example.com":         noURL,
		"https://example.com\n":        noURL,
		"https://example.com?":         query,
		"https://example.com/?key=1":   query,
		"https://example.com/#":        query,
		"https://example.com/#top":     query,
		"https://me:pass@example.com/": user,
		"https://me@example.com/":      user,
	} {
		_, err := callback.URL(given, secret)
		require.EqualError(t, err, message, "of %q", given)
		_, err = callback.WorkflowURL(given, secret, "order-7")
		require.EqualError(t, err, message, "of %q", given)
	}
}

func TestSecretIsRequired(t *testing.T) {
	t.Parallel()
	const message = "callback: the secret is empty: it takes 32 random bytes, or a text of as much randomness"
	_, err := callback.URL(base, "")
	require.EqualError(t, err, message)
	_, err = callback.WorkflowURL(base, "", "order-7")
	require.EqualError(t, err, message)
	_, err = callback.NewHandler(callback.Options{Temporal: &fakeTemporal{}})
	require.EqualError(t, err, message)
	_, err = callback.NewHandler(callback.Options{Secret: secret})
	require.EqualError(t, err, "callback: Options.Temporal is nil: set it to a Temporal client")
}

func TestWorkflowIDThatIsNone(t *testing.T) {
	t.Parallel()
	for given, message := range map[string]string{
		"":                        "callback: the workflow id is empty: it takes the id of the workflow to wake",
		strings.Repeat("é", 501):  "callback: the workflow id is 1002 bytes long: Temporal takes 1000 at most",
		"order-\xff":              "callback: the workflow id is not valid UTF-8, which Temporal requires",
		strings.Repeat("x", 1001): "callback: the workflow id is 1001 bytes long: Temporal takes 1000 at most",
	} {
		_, err := callback.WorkflowURL(base, secret, given)
		require.EqualError(t, err, message)
	}
}

func TestTaskAddressesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		token := taskToken(t)
		require.False(t, seen[token], "%s was there before", token)
		seen[token] = true
	}
}

func TestWorkflowAddressesAreDeterministic(t *testing.T) {
	t.Parallel()
	require.Equal(t, workflowToken(t, "order-7"), workflowToken(t, "order-7"))
	require.NotEqual(t, workflowToken(t, "order-7"), workflowToken(t, "order-8"))
}

// Addresses are out with the service while versions change.
func TestAddressesOfVersion010StayValid(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	for _, token := range []string{
		"task.AAECAwQFBgcICQoLDA0ODw.R5sde24SXQB5qaL3sKAhzLPGL_uAVOIjVP78K8hGTiM",
		"workflow.b3JkZXItNw.GNPjRYqB4olT4trTNuLc_eWVS0YUPakPBBQTizhul0w",
	} {
		require.Equal(t, 200, post(handler, "/"+token, "id=5").Code, "of %s", token)
	}
	require.Equal(t, []signal{wakeUp("2captcha-task-5", 5), wakeUp("order-7", 5)}, server.got())
	require.Equal(t, "workflow.b3JkZXItNw.GNPjRYqB4olT4trTNuLc_eWVS0YUPakPBBQTizhul0w", workflowToken(t, "order-7"))
}
