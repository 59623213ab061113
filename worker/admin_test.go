package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// startAdminServer returns the server's address. The server ends with the test.
func startAdminServer(t *testing.T, a adminServer) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	a.listener, a.logger = listener, slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return "http://" + listener.Addr().String()
}

func get(t *testing.T, url string) (status int, text string) {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

func TestProbesSayHowTheWorkerIs(t *testing.T) {
	t.Parallel()
	var problem error
	base := startAdminServer(t, adminServer{notReady: func() error { return problem }})
	requireAnswer := func(path string, status int, text string) {
		t.Helper()
		gotStatus, got := get(t, base+path)
		require.Equal(t, status, gotStatus)
		require.Equal(t, text, got)
	}
	requireAnswer("/healthz", http.StatusOK, "ok\n")
	requireAnswer("/readyz", http.StatusOK, "ok\n")
	problem = errors.New("it rains")
	requireAnswer("/healthz", http.StatusOK, "ok\n")
	requireAnswer("/readyz", http.StatusServiceUnavailable, "it rains\n")
	problem = nil
	requireAnswer("/readyz", http.StatusOK, "ok\n")

	for _, path := range []string{"/metrics", "/", "/healthz/", "/debug/pprof/"} {
		status, _ := get(t, base+path)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	answer, err := http.Post(base+"/readyz", "", nil)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
}

func TestMetricsAreServedIfThereAreAny(t *testing.T) {
	t.Parallel()
	base := startAdminServer(t, adminServer{metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "some_total 1\n")
	})})
	status, text := get(t, base+"/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "some_total 1\n", text)
}
