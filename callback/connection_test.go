package callback_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// connectTo returns the sender's end of a connection to the server. It is all in memory, so that in
// a synctest bubble timeouts take no time.
func connectTo(t *testing.T, server *http.Server) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	listener := &oneConnection{connections: make(chan net.Conn, 1)}
	listener.connections <- theirs
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		ours.Close()
		require.NoError(t, server.Shutdown(context.Background()))
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return ours
}

// oneConnection is a listener to which one sender connects.
type oneConnection struct{ connections chan net.Conn }

func (l *oneConnection) Accept() (net.Conn, error) {
	connection, open := <-l.connections
	if !open {
		return nil, net.ErrClosed
	}
	return connection, nil
}

func (l *oneConnection) Close() error   { close(l.connections); return nil }
func (l *oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

// send writes what a sender sends before it pauses for ever. It returns the answer's status, or 0
// if the connection was closed without an answer, and how long that took.
func send(t *testing.T, connection net.Conn, text string) (status int, after time.Duration) {
	t.Helper()
	began := time.Now()
	go func() { _, _ = io.WriteString(connection, text) }() // a server may stop reading
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return 0, time.Since(began)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, time.Since(began)
}

// Those who mount the handler in a server without any timeout need no other protection from bodies
// that don't come.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	token := taskToken(t)
	for name, test := range map[string]struct {
		path   string
		status int
	}{
		"to a known address":    {"/" + token, http.StatusRequestTimeout},
		"to an unknown address": {"/" + token + "x", http.StatusNotFound},
		"to the domain's proof": {"/2captcha.txt", http.StatusMethodNotAllowed},
	} {
		for _, framing := range []string{"Content-Length: 100\r\n\r\nid=5&", "Transfer-Encoding: chunked\r\n\r\n5\r\nid=5&\r\n"} {
			t.Run(name+", "+framing[:strings.IndexByte(framing, ':')], func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					handler, signals := newHandler(t, func(o *callback.Options) { o.DomainToken = "proof" })
					for _, server := range []*http.Server{{Handler: handler}, callback.NewServer(handler)} {
						connection := connectTo(t, server)
						status, after := send(t, connection, "POST "+test.path+" HTTP/1.1\r\nHost: h\r\n"+framing)
						require.Equal(t, test.status, status)
						require.LessOrEqual(t, after, 10*time.Second)
						_, err := connection.Read(make([]byte, 1))
						require.ErrorIs(t, err, io.EOF, "the connection is closed")
					}
					require.Empty(t, signals.got())
				})
			})
		}
	}
}

func TestEveryPhaseOfAConnectionHasATimeout(t *testing.T) {
	t.Parallel()
	token := taskToken(t)
	for name, test := range map[string]struct {
		sent   string
		status int
		atMost time.Duration
	}{
		"nothing is sent":      {"", 0, 5 * time.Second},
		"half a header":        {"POST /" + token + " HTTP/1.1\r\nHost: ", 0, 5 * time.Second},
		"a header without end": {"POST / HTTP/1.1\r\nX: " + strings.Repeat("x", 1<<20), http.StatusRequestHeaderFieldsTooLarge, time.Second},
		"half a body":          {"POST /" + token + " HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nid", http.StatusRequestTimeout, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				handler, _ := newHandler(t)
				status, after := send(t, connectTo(t, callback.NewServer(handler)), test.sent)
				require.Equal(t, test.status, status)
				require.LessOrEqual(t, after, test.atMost)
			})
		})
	}
}

func TestConnectionIsUsedAgainAndThenClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, signals := newHandler(t)
		connection := connectTo(t, callback.NewServer(handler))
		for taskID := range 3 {
			if taskID > 0 {
				time.Sleep(50 * time.Second) // of the bubble's time: each request has its time anew
			}
			body := fmt.Sprintf("id=%d", taskID+1)
			status, _ := send(t, connection, fmt.Sprintf("POST /%s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s",
				taskToken(t), len(body), body))
			require.Equal(t, http.StatusOK, status)
		}
		require.Len(t, signals.got(), 3)
		began := time.Now()
		_, err := connection.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

// A signal that Temporal takes late is not cut off by the time that the body had.
func TestSlowBodyLeavesTheSignalItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, signals := newHandler(t)
		signals.fail = func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(4 * time.Second):
				return nil
			}
		}
		connection := connectTo(t, callback.NewServer(handler))
		go func() {
			time.Sleep(9 * time.Second)
			_, _ = io.WriteString(connection, "d=5")
		}()
		status, after := send(t, connection, "POST /"+taskToken(t)+" HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\ni")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, 13*time.Second, after)
	})
}

func TestNothingForeignGoesToTheStandardLogger(t *testing.T) {
	t.Parallel()
	server := callback.NewServer(http.NotFoundHandler())
	require.NotNil(t, server.ErrorLog)
	require.NotSame(t, log.Default(), server.ErrorLog)
	require.Equal(t, io.Discard, server.ErrorLog.Writer())
}
