package twocaptcha_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const processingAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 35\r\n\r\n" +
	`{"errorId":0,"status":"processing"}`

// listen serves each connection by hand, and returns the API's URL there.
func listen(t testing.TB, serve func(connection net.Conn, reader *bufio.Reader)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer connection.Close()
				serve(connection, bufio.NewReader(connection))
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	return "http://" + listener.Addr().String()
}

// readRequest reads one request with its body, and reports whether there was one.
func readRequest(reader *bufio.Reader) bool {
	request, err := http.ReadRequest(reader)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err == nil
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	const simultaneous = 40
	var connections, status atomic.Int64
	var arrived sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		w.WriteHeader(int(status.Load()))
		_, _ = io.WriteString(w, longText(" ", 100<<10))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newClient(t, server.URL)

	for _, code := range []int{200, 200, 500, 404} {
		status.Store(int64(code))
		arrived.Add(simultaneous)
		var group sync.WaitGroup
		for range simultaneous {
			group.Go(func() { _, _ = client.GetTaskResult(t.Context(), taskID) })
		}
		group.Wait()
		require.EqualValues(t, simultaneous, connections.Load(), "connections after answers of status %d", code)
	}
}

func TestRedirectIsNeverFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Int64
	other := startService(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		for location, expected := range map[string]string{
			other.URL + "/getTaskResult":               `a redirect to "` + strings.TrimPrefix(other.URL, "http://") + `", not followed`,
			"//" + other.Listener.Addr().String():      `a redirect to "` + other.Listener.Addr().String() + `", not followed`,
			"/elsewhere":                               "a redirect to another place, not followed",
			"http://%zz":                               "a redirect to another place, not followed",
			"http://user:" + clientKey + "@a/?" + "k=": `a redirect to "a", not followed`,
			"http://" + clientKey + ".example.com":     `a redirect to "[client key].example.com", not followed`,
			"":                                         `: "moved"`,
		} {
			server := startService(t, func(w http.ResponseWriter, _ *http.Request) {
				if location != "" {
					w.Header().Set("Location", location)
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "moved")
			})
			_, err := newClient(t, server.URL).GetTaskResult(t.Context(), taskID)
			failure := requireTransportError(t, err, twocaptcha.ReasonStatus)
			require.Equal(t, status, failure.HTTPStatus)
			require.ErrorContains(t, err, fmt.Sprintf("HTTP status %d", status))
			require.ErrorContains(t, err, expected)
			require.NotContains(t, err.Error(), clientKey)
		}
	}
	require.Zero(t, followed.Load(), "requests that followed a redirect")
}

func TestAnswersThatBreakOff(t *testing.T) {
	t.Parallel()
	const connection, unreadable = twocaptcha.ReasonConnection, twocaptcha.ReasonUnreadable
	for name, test := range map[string]struct {
		answer   string
		reason   twocaptcha.Reason
		status   int
		expected string
	}{
		"before it begins":   {"", connection, 0, "no answer: EOF"},
		"in the header":      {"HTTP/1.1 200 OK\r\nContent-", connection, 0, "no answer: net/http: HTTP/1.x transport connection broken"},
		"before the body":    {"HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n", unreadable, 200, "closed within the answer"},
		"in the body":        {processingAnswer[:len(processingAnswer)-9], unreadable, 200, `"{"errorId":0,"status":"pro"`},
		"in a chunk":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{", unreadable, 200, "closed within"},
		"in an error's body": {"HTTP/1.1 500 Oops\r\nContent-Length: 35\r\n\r\nbusy", twocaptcha.ReasonStatus, 500, `"busy"`},
		"not HTTP":           {"SSH-2.0-OpenSSH_9.6\r\n", connection, 0, "malformed HTTP response"},
		"not HTTP, long":     {longText("é", 4000) + "\r\n", connection, 0, "malformed HTTP response \"éé"},
		"endless header":     {"HTTP/1.1 200 OK\r\nX: " + longText("x", 128<<10), connection, 0, "exceeded 65536 bytes"},
		"bad chunk":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{", connection, 200, "invalid byte in chunk length"},
		"no gzip": {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain", unreadable, 200,
			"closed within the answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			url := listen(t, func(connection net.Conn, reader *bufio.Reader) {
				if readRequest(reader) {
					requests.Add(1)
					_, _ = io.WriteString(connection, test.answer)
				}
			})
			_, err := newClient(t, url).GetTaskResult(t.Context(), taskID)
			failure := requireTransportError(t, err, test.reason)
			require.Equal(t, test.status, failure.HTTPStatus)
			require.ErrorContains(t, err, test.expected)
			requireText(t, err.Error(), 500)
			require.NoError(t, failure.Unwrap())
			require.EqualValues(t, 1, requests.Load(), "requests")
		})
	}
}

func TestWholeAnswerOnAConnectionThatBreaksOffIsTaken(t *testing.T) {
	t.Parallel()
	url := listen(t, func(connection net.Conn, reader *bufio.Reader) {
		if readRequest(reader) {
			_, _ = io.WriteString(connection, strings.Replace(processingAnswer, "35", "36", 1))
		}
	})
	result, err := newClient(t, url).GetTaskResult(t.Context(), taskID)
	require.NoError(t, err)
	require.Equal(t, twocaptcha.StatusProcessing, result.Status)
}

func TestDroppedRequestIsNotRepeated(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	url := listen(t, func(connection net.Conn, reader *bufio.Reader) {
		for readRequest(reader) {
			if requests.Add(1) > 1 {
				return
			}
			_, _ = io.WriteString(connection, processingAnswer)
		}
	})
	client := newClient(t, url)
	_, err := client.GetTaskResult(t.Context(), taskID)
	require.NoError(t, err)

	_, err = client.GetTaskResult(t.Context(), taskID)

	requireTransportError(t, err, twocaptcha.ReasonConnection)
	require.EqualValues(t, 2, requests.Load(), "requests of two calls, the second one on the first one's connection")
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	_, err = newClient(t, "http://"+listener.Addr().String()).GetTaskResult(t.Context(), taskID)
	failure := requireTransportError(t, err, twocaptcha.ReasonConnection)
	require.EqualError(t, err, "task 74372499131: getTaskResult: no answer: dial tcp "+listener.Addr().String()+
		": connect: connection refused")
	require.Zero(t, failure.HTTPStatus)
	require.NoError(t, failure.Unwrap())
}

func TestStalledAnswerEndsAtTheTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begin  string
		status int
	}{
		"nothing":             {"", 0},
		"header":              {"HTTP/1.1 200", 0},
		"body":                {processingAnswer[:len(processingAnswer)-1], 200},
		"error's body":        {"HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 9\r\n\r\nbusy", 503},
		"informational":       {"HTTP/1.1 103 Early Hints\r\n\r\n", 0},
		"switched connection": {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 101},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := listen(t, func(connection net.Conn, reader *bufio.Reader) {
				if readRequest(reader) {
					_, _ = io.WriteString(connection, test.begin)
					_, _ = io.Copy(io.Discard, reader) // until the client closes it
				}
			})
			client := newClient(t, url, func(o *twocaptcha.Options) { o.Timeout = 200 * time.Millisecond })
			_, err := client.GetTaskResult(t.Context(), taskID)
			if test.status == 101 {
				requireTransportError(t, err, twocaptcha.ReasonStatus)
				return
			}
			failure := requireTransportError(t, err, twocaptcha.ReasonConnection)
			require.EqualError(t, err,
				"task 74372499131: getTaskResult: no answer within 200ms: context deadline exceeded")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, test.status, failure.HTTPStatus)
			if test.status == 503 {
				require.Equal(t, 9*time.Second, failure.RetryAfter)
			}
		})
	}
}

func TestCallerEndsARequestUnderWay(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	url := listen(t, func(_ net.Conn, reader *bufio.Reader) {
		if readRequest(reader) {
			close(arrived)
			_, _ = io.Copy(io.Discard, reader)
		}
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(errors.New("a cause of the caller's own, which is none of the two"))
	}()
	_, err := newClient(t, url).GetTaskResult(ctx, taskID)
	requireTransportError(t, err, twocaptcha.ReasonConnection)
	require.EqualError(t, err,
		"task 74372499131: getTaskResult: no answer before the request was given up: context canceled")
	require.ErrorIs(t, err, context.Canceled)
}

// lateContext is what a process sees that was stopped over the deadline and goes on: the deadline
// has passed, the timer that would say so has not fired.
type lateContext struct{ context.Context }

func (lateContext) Deadline() (time.Time, bool) { return time.Now().Add(-time.Millisecond), true }

func TestLateRequestIsKeptOffTheWire(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		ctx   context.Context
		cause error
	}{
		"deadline passed unnoticed": {lateContext{context.Background()}, context.DeadlineExceeded},
		"canceled":                  {canceled, context.Canceled},
	} {
		for _, reused := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reused connection: %t", name, reused), func(t *testing.T) {
				t.Parallel()
				received := make(chan string, 10)
				url := listen(t, func(connection net.Conn, reader *bufio.Reader) {
					if reused {
						if !readRequest(reader) { // net/http tries another connection when it wrote nothing to one
							return
						}
						_, _ = io.WriteString(connection, processingAnswer)
					}
					rest, _ := io.ReadAll(reader)
					received <- string(rest)
				})
				client := newClient(t, url)
				if reused {
					_, err := client.GetTaskResult(t.Context(), taskID)
					require.NoError(t, err)
				}

				_, err := client.GetTaskResult(test.ctx, taskID)

				requireTransportError(t, err, twocaptcha.ReasonConnection)
				require.ErrorIs(t, err, test.cause)
				client.CloseIdleConnections()
				if reused || test.cause == context.DeadlineExceeded { // canceled, a fresh one is not even dialed
					require.Empty(t, <-received, "bytes sent too late")
				}
			})
		}
	}
}

// turningContext is one whose deadline passes, unnoticed, when late is set.
type turningContext struct {
	context.Context
	late *atomic.Bool
}

func (c turningContext) Deadline() (time.Time, bool) {
	if c.late.Load() {
		return time.Now().Add(-time.Millisecond), true
	}
	return time.Now().Add(10 * time.Second), true
}

func TestRequestThatTurnsLateWhileConnectingIsKeptOffTheWire(t *testing.T) {
	t.Parallel()
	var late atomic.Bool
	received := make(chan string, 10)
	url := listen(t, func(_ net.Conn, reader *bufio.Reader) {
		content, _ := io.ReadAll(reader)
		received <- string(content)
	})
	ctx := httptrace.WithClientTrace(turningContext{context.Background(), &late}, &httptrace.ClientTrace{
		ConnectDone: func(string, string, error) { late.Store(true) },
	})
	_, err := newClient(t, url).GetTaskResult(ctx, taskID)
	requireTransportError(t, err, twocaptcha.ReasonConnection)
	require.EqualError(t, err, "task 74372499131: getTaskResult: not sent: context deadline exceeded")
	require.Empty(t, <-received, "bytes sent after the deadline")
}

func TestHTTPSIsSpokenInHTTP1(t *testing.T) {
	t.Parallel()
	offered := make(chan []string, 1)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake fails
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered <- hello.SupportedProtos
		return nil, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, err := newClient(t, server.URL).GetTaskResult(t.Context(), taskID)
	requireTransportError(t, err, twocaptcha.ReasonConnection)
	require.ErrorContains(t, err, "certificate signed by unknown authority", "a certificate is checked")
	require.NotContains(t, <-offered, "h2")
}

func TestProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	connects := make(chan string, 1)
	proxy := listen(t, func(connection net.Conn, reader *bufio.Reader) {
		line, _ := reader.ReadString('\n')
		connects <- strings.TrimSpace(line)
		_, _ = io.WriteString(connection, "HTTP/1.1 407 Say "+clientKey+"\r\n\r\n")
	})
	address, err := url.Parse(proxy)
	require.NoError(t, err)
	address.User = url.UserPassword("user", "hunter2")

	output := askInAProcess(t, "https://api.example.com", "HTTPS_PROXY="+address.String())
	require.Equal(t, "CONNECT api.example.com:443 HTTP/1.1", <-connects)
	require.Equal(t, "task 74372499131: getTaskResult: no answer: the proxy "+address.Host+" refused to connect to "+
		"api.example.com:443: HTTP status 407 Say [client key]", output)

	_, port, err := net.SplitHostPort(address.Host)
	require.NoError(t, err)
	for _, loopback := range []string{proxy, "http://localhost:" + port, "http://LOCALHOST:" + port} {
		output = askInAProcess(t, loopback, "HTTP_PROXY="+address.String(), "ALL_PROXY="+address.String())
		require.Equal(t, "POST /getTaskResult HTTP/1.1", <-connects, "%s is asked without a proxy", loopback)
		require.Contains(t, output, "HTTP status 407")
	}
}

// net/http ignores what it can't parse, and would send requests out directly.
func TestProxyThatCantBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	api := listen(t, func(net.Conn, *bufio.Reader) { requests.Add(1) })
	for _, value := range []string{
		"http://user:hunter2%@proxy.example.com:3128", "http://user:hunter2 @proxy.example.com", "http://proxy.example.com:hunter2",
		"http://", "ftp://proxy.example.com:21", "http://[::1", "proxy.example.com:port", ":3128",
	} {
		for _, variable := range []string{"HTTPS_PROXY", "https_proxy"} {
			output := askInAProcess(t, "https"+strings.TrimPrefix(api, "http"), variable+"="+value)
			require.Equal(t, "twocaptcha: "+variable+" can't be used as a proxy: it takes a URL like http://proxy.example.com:3128, "+
				"or socks5:// (its value is not shown, since it may hold a password)", output, "with %s", value)
		}
	}
	require.Zero(t, requests.Load(), "connections without a proxy")

	output := askInAProcess(t, "http://127.0.0.1:1", "HTTPS_PROXY=http://")
	require.Contains(t, output, "connection refused", "plain http needs no proxy")
	for _, value := range []string{"127.0.0.1:1", "localhost:1", "http://127.0.0.1:1/", "https://u:p@127.0.0.1:1", "socks5://127.0.0.1:1", "socks5h://[::1]:1"} {
		output := askInAProcess(t, "https://api.example.com", "https_proxy="+value)
		require.Regexp(t, "no answer: .*(127.0.0.1|::1)", output, "with %s", value)
	}
}

// localhost is what the machine's resolver says. The test has no resolver of its own: another
// address stands for what it may say.
func TestPlainHTTPReachesOnlyLoopbackAddresses(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	listener, err := net.Listen("tcp", ":0") // of every interface
	require.NoError(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			_, _ = io.WriteString(w, `{"errorId":0,"status":"processing"}`)
		})}}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)

	elsewhere := []string{"0.0.0.0", "192.0.2.1"}
	if listener6, err := net.Listen("tcp6", "[::1]:0"); err == nil { // some machines speak IPv4 alone
		require.NoError(t, listener6.Close())
		elsewhere = append(elsewhere, "[::]", "[2001:db8::1]")
	}

	for _, base := range []string{"http://localhost:" + port, "https://api.example.com"} {
		for _, host := range elsewhere {
			client := newClient(t, base, func(o *twocaptcha.Options) {
				o.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
					return roundTripper(func(request *http.Request) (*http.Response, error) {
						request = request.Clone(request.Context())
						request.URL.Scheme, request.URL.Host = "http", host+":"+port
						return next.RoundTrip(request)
					})
				}
			})
			_, err := client.GetTaskResult(t.Context(), taskID)
			requireTransportError(t, err, twocaptcha.ReasonConnection)
			require.EqualError(t, err, "task 74372499131: getTaskResult: not sent: the API's host is at "+host+":"+port+
				", which is not a loopback address, and http:// would send the client key in the clear: use https://")
		}
	}
	require.Zero(t, requests.Load(), "requests sent in the clear")

	for _, host := range []string{"localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "[::ffff:127.0.0.1]"} {
		_, err := newClient(t, "http://"+host+":"+port).GetTaskResult(t.Context(), taskID)
		require.NoError(t, err, "of %s", host)
	}
}

func askInAProcess(t *testing.T, url string, environment ...string) string {
	executable, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), executable)
	command.Env = append(environment, childURLVariable+"="+url)
	output, err := command.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(output))
}
