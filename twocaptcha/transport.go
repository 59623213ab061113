package twocaptcha

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
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

// connections send requests: over connections that are kept open, or each over one of its own.
// Requests of plain http only reach loopback addresses.
type connections struct{ kept, fresh *http.Transport }

func newConnections() connections {
	fresh := newTransport()
	fresh.DisableKeepAlives = true
	return connections{kept: newTransport(), fresh: fresh}
}

func (c connections) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	if request.URL.Scheme == "http" {
		request = request.WithContext(context.WithValue(ctx, plainHTTP{}, true))
	}
	if s, ok := ctx.Value(sendingKey{}).(*sending); ok {
		s.reach()
		if s.freshConnection {
			return c.fresh.RoundTrip(request)
		}
	}
	return c.kept.RoundTrip(request)
}

type plainHTTP struct{} // the key of a context value: the connection is for a plain http request

// requireLoopback is a dialer's ControlContext: it sees each address that is dialed. A host's name
// does not tell: localhost is what the machine's resolver says.
func requireLoopback(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if ctx.Value(plainHTTP{}) == nil {
		return nil
	}
	dialed, err := netip.ParseAddrPort(address)
	if err != nil || !dialed.Addr().Unmap().IsLoopback() {
		return notSentError{fmt.Errorf("the API's host is at %s, which is not a loopback address, and http:// would send the "+
			"client key in the clear: use https://", address)}
	}
	return nil
}

// notSentError is why no byte of a request was written.
type notSentError struct{ cause error }

func (e notSentError) Error() string { return "not sent: " + e.cause.Error() }
func (e notSentError) Unwrap() error { return e.cause }
