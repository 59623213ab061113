package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

const callbackSecret = "a secret of the tests, 32 bytes."

// signals stands in for the Temporal client.
type signals func(ctx context.Context, workflowID string) error

func (s signals) SignalWorkflow(ctx context.Context, workflowID, _, _ string, _ any) error {
	return s(ctx, workflowID)
}

// newCallbackSettings are those of a worker with this environment, and what it logs.
func newCallbackSettings(t *testing.T, environ command.Environment, args ...string) (settings, *logLines) {
	t.Helper()
	environ = append(environ, keyVariable)
	log := &logLines{}
	s, err := newSettings(flagsOf(t, environ, args...), environ, log)
	require.NoError(t, err)
	return s, log
}

type logLines struct {
	mutex sync.Mutex
	lines bytes.Buffer
}

func (l *logLines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.lines.Write(line)
}

func (l *logLines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.lines.String()
}

func TestCallbacksArePassedOnAlsoWhileTheWorkerStops(t *testing.T) {
	t.Parallel()
	s, log := newCallbackSettings(t, command.Environment{
		"TWOCAPTCHA_CALLBACK_SECRET=" + callbackSecret, "TWOCAPTCHA_CALLBACK_DOMAIN_TOKEN=proof",
		"TWOCAPTCHA_CALLBACK_URL=https://example.com/2captcha", "TWOCAPTCHA_CALLBACK_ADDRESS=127.0.0.1:0",
	})
	listener, err := listenForCallbacks(s.flags.CallbackAddress)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	signaled := make(chan string)
	takeOn := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		signaler := signals(func(_ context.Context, workflowID string) error {
			signaled <- workflowID
			<-takeOn
			return nil
		})
		ended <- callbackServer{listener, signaler, s}.Run(ctx)
	}()

	base := "http://" + listener.Addr().String()
	proof, err := http.Get(base + "/2captcha.txt")
	require.NoError(t, err)
	text, err := io.ReadAll(proof.Body)
	require.NoError(t, proof.Body.Close())
	require.NoError(t, err)
	require.Equal(t, "proof", string(text))

	address, err := callback.URL(base+"/2captcha", callbackSecret)
	require.NoError(t, err)
	answered := make(chan int, 1)
	go func() {
		answer, err := http.PostForm(address, url.Values{"id": {"5"}, "code": {"ANSWER"}})
		if err != nil {
			answered <- 0
			return
		}
		answer.Body.Close()
		answered <- answer.StatusCode
	}()
	require.Equal(t, "2captcha-task-5", <-signaled)
	stop()
	close(takeOn)
	require.Equal(t, http.StatusOK, <-answered)
	require.NoError(t, <-ended)
	require.Regexp(t, `level=INFO msg="callbacks are taken" address=127.0.0.1:\d+ url=https://example.com/2captcha`, log.String())
	require.NotContains(t, log.String(), "level=WARN")
	require.NotContains(t, log.String(), callbackSecret)
}

func TestShortCallbackSecretIsWarnedOf(t *testing.T) {
	t.Parallel()
	for secret, warned := range map[string]bool{strings.Repeat("s", 15): true, strings.Repeat("s", 16): false} {
		s, log := newCallbackSettings(t, command.Environment{"TWOCAPTCHA_CALLBACK_SECRET=" + secret},
			"--callback-address", "localhost:0")
		ctx, stop := context.WithCancel(t.Context())
		stop()
		require.NoError(t, callbackServer{newFakeListener(nil), signals(nil), s}.Run(ctx))
		require.Equal(t, warned, strings.Contains(log.String(),
			`level=WARN msg="the secret of callback addresses is short, and may be found out by trying: set one of 32 random bytes"`),
			"with %d bytes: %s", len(secret), log)
		require.NotContains(t, log.String(), secret)
	}
}

// The worker may share its environment with the starter, which makes addresses.
func TestWithoutAnAddressNoCallbackIsTaken(t *testing.T) {
	t.Parallel()
	s, log := newCallbackSettings(t, command.Environment{
		"TWOCAPTCHA_CALLBACK_SECRET=" + callbackSecret, "TWOCAPTCHA_CALLBACK_SECRET_FILE=both",
		"TWOCAPTCHA_CALLBACK_URL=https://example.com/2captcha",
	})
	listener, err := listenForCallbacks(s.flags.CallbackAddress)
	require.NoError(t, err)
	require.Nil(t, listener)
	require.Len(t, s.services(nil, listener), 1)
	require.Contains(t, log.String(), `level=INFO msg="callbacks are not taken: TWOCAPTCHA_CALLBACK_ADDRESS is not set" url=https://example.com/2captcha`)

	s, log = newCallbackSettings(t, nil)
	s.services(nil, nil)
	require.Empty(t, log.String(), "who knows nothing of callbacks hears nothing of them")
}

func TestListenerThatFailsEndsTheWorker(t *testing.T) {
	t.Parallel()
	s, _ := newCallbackSettings(t, command.Environment{"TWOCAPTCHA_CALLBACK_SECRET=" + callbackSecret},
		"--callback-address", "localhost:0")
	err := callbackServer{newFakeListener(errors.New("the interface is gone")), signals(nil), s}.Run(t.Context())
	require.EqualError(t, err, "callbacks can't be taken at 192.0.2.1:8080 any longer: the interface is gone")
}

func TestRequestWithoutEndDoesNotKeepTheWorkerFromStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which also sees to it that no goroutine is left
		ours, theirs := net.Pipe()
		defer ours.Close()
		began, release := make(chan struct{}), make(chan struct{})
		handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(began)
			<-release
		})
		defer close(release)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			_, _ = io.WriteString(ours, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			<-began
			stop()
		}()
		start := time.Now()
		require.NoError(t, serveHTTP(ctx, callback.NewServer(handler), newFakeListener(nil, theirs), command.WorkerStopTimeout))
		require.Equal(t, command.WorkerStopTimeout, time.Since(start))
		_, err := ours.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "the connection is closed")
	})
}

// fakeListener has the connections that it is given, and blocks after them until it is closed.
type fakeListener struct {
	connections chan net.Conn
	err         error // of every Accept; nil: none fails before it is closed
}

func newFakeListener(err error, connections ...net.Conn) *fakeListener {
	listener := &fakeListener{make(chan net.Conn, len(connections)), err}
	for _, connection := range connections {
		listener.connections <- connection
	}
	return listener
}

func (l *fakeListener) Accept() (net.Conn, error) {
	if l.err != nil {
		return nil, l.err
	}
	connection, open := <-l.connections
	if !open {
		return nil, net.ErrClosed
	}
	return connection, nil
}

func (l *fakeListener) Close() error   { close(l.connections); return nil }
func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8080} }

// SolveTask gives the service an address only if somebody takes the calls to it.
func TestAddressesAreGivenIfThisWorkerTakesTheirCalls(t *testing.T) {
	t.Parallel()
	const (
		url     = "TWOCAPTCHA_CALLBACK_URL=https://example.com/2captcha"
		address = "TWOCAPTCHA_CALLBACK_ADDRESS=127.0.0.1:0"
		secret  = "TWOCAPTCHA_CALLBACK_SECRET=" + callbackSecret
	)
	for name, test := range map[string]struct {
		environ     command.Environment
		url, secret string
	}{
		"all of it":        {command.Environment{url, address, secret}, "https://example.com/2captcha", callbackSecret},
		"nobody listens":   {command.Environment{url, secret}, "", ""},
		"no public URL":    {command.Environment{address, secret}, "", ""},
		"nothing of it":    {nil, "", ""},
		"the secret alone": {command.Environment{secret}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newCallbackSettings(t, test.environ)
			url, secret := callbackAddress(s.flags, s.callbacks)
			require.Equal(t, test.url, url)
			require.Equal(t, test.secret, secret)
		})
	}
}
