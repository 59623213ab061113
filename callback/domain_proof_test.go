package callback_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

func TestDomainProof(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-the-service <b>"
	handler, _ := newHandler(t, func(o *callback.Options) { o.DomainToken = token })
	server := httptest.NewServer(handler)
	defer server.Close()
	tests := map[string]struct {
		method, path string
		status       int
		body         string
	}{
		"at the root":      {"GET", "/2captcha.txt", 200, token},
		"under a prefix":   {"GET", "/a/b/2captcha.txt", 200, token},
		"with a query":     {"GET", "/2captcha.txt?x=1", 200, token},
		"its head":         {"HEAD", "/2captcha.txt", 200, ""},
		"another name":     {"GET", "/x2captcha.txt", 404, "not found\n"},
		"another case":     {"GET", "/2Captcha.txt", 404, "not found\n"},
		"as a folder":      {"GET", "/2captcha.txt/", 404, "not found\n"},
		"not to be posted": {"POST", "/2captcha.txt", 405, "the file is read by GET\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, nil)
			require.NoError(t, err)
			answer, err := server.Client().Do(request)
			require.NoError(t, err)
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Equal(t, test.status, answer.StatusCode)
			require.Equal(t, test.body, string(body))
			require.Equal(t, "text/plain; charset=utf-8", answer.Header.Get("Content-Type"))
			if test.status == http.StatusMethodNotAllowed {
				require.Equal(t, "GET, HEAD", answer.Header.Get("Allow"))
			}
		})
	}
}
