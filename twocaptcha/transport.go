package twocaptcha

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// newTransport speaks HTTP/1.1 only, where a connection carries one request at a time, in one write
// if the buffer holds it, so that a request that is given up just before has not begun.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, ControlContext: requireLoopback}
	return &http.Transport{
		Proxy:                  proxyOfTheEnvironment,
		OnProxyConnectResponse: nameRefusingProxy,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			connection, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &timelyConnection{Conn: connection}, nil
		},
		TLSHandshakeTimeout:    10 * time.Second,
		Protocols:              protocols,
		WriteBufferSize:        16 << 10,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    100,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// plainHTTPGuard sends requests so that those of plain http only reach loopback addresses. A host's
// name does not tell: localhost is what the machine's resolver says.
type plainHTTPGuard struct{ next http.RoundTripper }

type plainHTTP struct{} // the key of a context value: the connection is for a plain http request

func (g plainHTTPGuard) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "http" {
		request = request.WithContext(context.WithValue(request.Context(), plainHTTP{}, true))
	}
	return g.next.RoundTrip(request)
}

// requireLoopback is a dialer's ControlContext: it sees each address that is dialed.
func requireLoopback(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if ctx.Value(plainHTTP{}) == nil {
		return nil
	}
	dialed, err := netip.ParseAddrPort(address)
	if err != nil || !dialed.Addr().Unmap().IsLoopback() {
		return notLoopbackError{address}
	}
	return nil
}

type notLoopbackError struct{ address string }

func (e notLoopbackError) Error() string {
	return fmt.Sprintf("not sent: the API's host is at %s, which is not a loopback address, and http:// would send the "+
		"client key in the clear: use https://", e.address)
}

// sendBeforeDeadline returns a context whose request is not written to a connection once ctx is
// over.
func sendBeforeDeadline(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		connection := got.Conn
		for {
			secured, ok := connection.(*tls.Conn)
			if !ok {
				break
			}
			connection = secured.NetConn()
		}
		if timely, ok := connection.(*timelyConnection); ok {
			timely.carries.Store(&ctx)
		}
	}})
}

// timelyConnection fails a write when the context of the request that it carries is over. The check
// is the last thing before the bytes leave, and looks at the clock itself: in a process that was
// stopped and goes on, the write may come before the context's timer.
type timelyConnection struct {
	net.Conn
	// carries is the last request's context. It stays when the request ends: its write may still be to
	// come.
	carries atomic.Pointer[context.Context]
}

func (c *timelyConnection) Write(content []byte) (int, error) {
	if ctx := c.carries.Load(); ctx != nil {
		if cause := expired(*ctx); cause != nil {
			return 0, tooLateError{cause}
		}
	}
	return c.Conn.Write(content)
}

// expired is ctx.Err, told by the clock. The wall clock counts too: the monotonic one stands still
// while the machine sleeps.
func expired(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if now := time.Now(); !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0)) {
			return context.DeadlineExceeded
		}
	}
	return nil
}

type tooLateError struct{ cause error }

func (e tooLateError) Error() string { return "not sent: " + e.cause.Error() }
func (e tooLateError) Unwrap() error { return e.cause }
