package simulator_test

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// callBack submits a task that is ready at once, and returns its one callback when that is over.
func callBack(t *testing.T, server *simulator.Server, url string) simulator.CallbackDelivery {
	t.Helper()
	taskID := server.Submit(simulator.Submission{CallbackURL: url, Answers: []simulator.Answer{simulator.Ready(`"8"`)}})
	require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 1))
	return server.CallbacksFor(taskID)[0]
}

func TestCallbacksAreRecorded(t *testing.T) {
	t.Parallel()
	clock := newClock()
	endpoint := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		clock.advance(time.Second)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	server := start(t, simulator.Options{Clock: clock.now})
	submitted := clock.now()

	got := callBack(t, server, endpoint.url("/token"))

	want := simulator.CallbackDelivery{
		TaskID: 72345678901, Number: 1, URL: endpoint.url("/token"), ID: 72345678901, Code: "8",
		Ended: submitted, Due: submitted, Sent: submitted, Finished: submitted.Add(time.Second), HTTPStatus: 503,
	}
	require.Equal(t, want, got)
	require.Len(t, endpoint.requests(), 1, "it isn't repeated")
	require.Empty(t, server.CallbacksFor(7))
	server.Callbacks()[0].Code = "changed"
	require.Equal(t, []simulator.CallbackDelivery{want}, server.Callbacks(), "what is returned are copies")
}

func TestCallbacksFollowNoRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := newEndpoint(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		endpoint := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.url("/"), status)
		})
		require.Equal(t, status, callBack(t, start(t, simulator.Options{}), endpoint.url("/")).HTTPStatus)
	}
	require.Empty(t, elsewhere.requests())
}

func TestCallbacksWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	closed := newEndpoint(t)
	closed.server.Close()
	silent := newEndpoint(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	drops := newEndpoint(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for name, test := range map[string]struct {
		url, says string
		options   simulator.Options
	}{
		"nobody there": {closed.url("/"), "connection refused", simulator.Options{}},
		"no answer":    {silent.url("/"), "Client.Timeout exceeded", simulator.Options{CallbackTimeout: 50 * time.Millisecond}},
		"dropped":      {drops.url("/"), "EOF", simulator.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			delivery := callBack(t, start(t, test.options), test.url)
			require.Equal(t, 0, delivery.HTTPStatus)
			require.Contains(t, delivery.Error, test.says)
		})
	}
}

func TestCallbacksOverTLS(t *testing.T) {
	t.Parallel()
	endpoint := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	t.Cleanup(endpoint.Close)
	roots := x509.NewCertPool()
	roots.AddCert(endpoint.Certificate())

	require.Equal(t, 204, callBack(t, start(t, simulator.Options{CallbackRoots: roots}), endpoint.URL).HTTPStatus)
	require.Contains(t, callBack(t, start(t, simulator.Options{}), endpoint.URL).Error, "certificate")
}

func TestCallbacksDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	both := make(chan struct{}, 2)
	ended := make(chan struct{})
	endpoint := newEndpoint(t, func(http.ResponseWriter, *http.Request) {
		both <- struct{}{}
		<-ended
	})
	server := start(t, simulator.Options{})
	submission := simulator.Submission{CallbackURL: endpoint.url("/"), Answers: []simulator.Answer{simulator.Ready(`"8"`)}}
	server.Submit(submission)
	second := server.Submit(submission)
	<-both
	<-both
	require.Contains(t, newClient(t, server).bodies(second, 1)[0], `"status":"ready"`, "getTaskResult waits for none either")
	close(ended)
	require.NoError(t, server.WaitForCallbacks(inTime(t), second, 1))
}

func TestWaitForCallbacksEndsWithItsContextOrTheServer(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, server.WaitForCallbacks(ctx, 7, 1), context.Canceled)
	require.EqualError(t, server.WaitForCallbacks(ctx, 7, 1), "fake 2captcha: 0 of 1 callbacks for task 7: context canceled")
	server.Close()
	require.EqualError(t, server.WaitForCallbacks(t.Context(), 7, 1), "fake 2captcha: closed with 0 of 1 callbacks for task 7")
}

func TestNoCallbackAfterClose(t *testing.T) {
	t.Parallel()
	endpoint, server := newEndpoint(t), start(t, simulator.Options{})
	server.Close()
	server.Submit(simulator.Submission{CallbackURL: endpoint.url("/"), Answers: []simulator.Answer{simulator.Ready(`"8"`)}})
	server.Close()
	require.Empty(t, server.Callbacks())
	require.Empty(t, endpoint.requests())
}

func TestCallbackURLsThatSubmitRefuses(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	for url, says := range map[string]string{
		"https://example.com/": `fake 2captcha: callbackUrl "https://example.com/" is not on a loopback host, such as 127.0.0.1`,
		"http://192.168.0.1/":  `fake 2captcha: callbackUrl "http://192.168.0.1/" is not on a loopback host, such as 127.0.0.1`,
		"127.0.0.1/":           `fake 2captcha: callbackUrl "127.0.0.1/" must be an http or https URL`,
	} {
		require.PanicsWithValue(t, says, func() { server.Submit(simulator.Submission{CallbackURL: url}) })
	}
	for _, url := range []string{"http://localhost:1/", "http://[::1]:1/", "https://127.1.2.3/"} {
		require.NotPanics(t, func() { server.Submit(simulator.Submission{CallbackURL: url}) })
	}
}
