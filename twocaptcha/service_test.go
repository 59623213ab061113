package twocaptcha_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// clientKey has the service's form: 32 characters.
const clientKey = "0f3c2a9be17d4856a0f1c2d3e4b5a697"

const taskID = 74372499131

// childURLVariable makes the test binary ask the service at its value and print the error, and run
// no test: the proxy comes from the environment, which net/http reads once a process.
const childURLVariable = "TWOCAPTCHA_TEST_CHILD_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURLVariable); url != "" {
		client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: url})
		if err == nil {
			_, err = client.GetTaskResult(context.Background(), taskID)
		}
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func startService(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// newClient returns a client of the service at url that leaves no connection behind.
func newClient(t testing.TB, url string, change ...func(*twocaptcha.Options)) *twocaptcha.Client {
	options := twocaptcha.Options{ClientKey: clientKey, URL: url}
	for _, apply := range change {
		apply(&options)
	}
	client, err := twocaptcha.NewClient(options)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// ask has the service answer one request with the status and body.
func ask(t testing.TB, status int, body string) (*twocaptcha.TaskResult, error) {
	server := startService(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	return newClient(t, server.URL).GetTaskResult(t.Context(), taskID)
}

func requireServiceError(t testing.TB, err error) *twocaptcha.ServiceError {
	t.Helper()
	var failure *twocaptcha.ServiceError
	require.ErrorAs(t, err, &failure)
	return failure
}

func requireTransportError(t testing.TB, err error, reason twocaptcha.Reason) *twocaptcha.TransportError {
	t.Helper()
	var failure *twocaptcha.TransportError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, reason, failure.Reason, "of the error %q", err)
	return failure
}
