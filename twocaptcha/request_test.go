package twocaptcha_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestRequestIsTheOneThatTheServiceDocuments(t *testing.T) {
	t.Parallel()
	var request *http.Request
	var body []byte
	server := startService(t, func(w http.ResponseWriter, r *http.Request) {
		request = r
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"errorId":0,"status":"processing"}`)
	})

	_, err := newClient(t, server.URL+"/prefix/").GetTaskResult(t.Context(), 83404376383)

	require.NoError(t, err)
	require.Equal(t, "POST", request.Method)
	require.Equal(t, "/prefix/getTaskResult", request.RequestURI)
	require.Equal(t, "application/json", request.Header.Get("Content-Type"))
	require.Equal(t, "application/json", request.Header.Get("Accept"))
	require.Equal(t, "temporal-2captcha/"+twocaptcha.Version, request.UserAgent())
	require.EqualValues(t, len(body), request.ContentLength, "the length is announced")
	require.JSONEq(t, `{"clientKey":"`+clientKey+`","taskId":83404376383}`, string(body))
}

func TestClientKeyFileIsReadAtEveryRequest(t *testing.T) {
	t.Parallel()
	var body []byte
	server := startService(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"errorId":0,"status":"processing"}`)
	})
	path := filepath.Join(t.TempDir(), "key")
	write := func(content string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o600)) }
	write("first-key\n")
	client := newClient(t, server.URL, func(o *twocaptcha.Options) { o.ClientKey, o.ClientKeyFile = "", path })

	for _, key := range []string{"first-key", "second-key"} {
		write(" " + key + "\r\n")
		_, err := client.GetTaskResult(t.Context(), taskID)
		require.NoError(t, err)
		require.JSONEq(t, `{"clientKey":"`+key+`","taskId":74372499131}`, string(body))
	}
}
