package twocaptcha

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

const (
	// DefaultURL is the service's address.
	DefaultURL = "https://api.2captcha.com"

	defaultTimeout = 15 * time.Second
)

// Options say which account the requests are for, and where they go. Either ClientKey or
// ClientKeyFile is required. They are printed, logged and marshaled without the key.
type Options struct {
	// ClientKey is the account's API key. Exactly one of ClientKey and ClientKeyFile is given.
	ClientKey string
	// ClientKeyFile is a file that holds the key. It is read at every request, so that a rotated key
	// counts at once. While it is missing, empty or unreadable, the last good key stays in use for 10
	// minutes; then requests fail with ReasonClientKey. A key is good once the service has taken it. A
	// changed key is tried by one request at a time, while the others go on with the last good one. If
	// the service answers it with ErrorKeyDoesNotExist, it is set aside until the file changes again.
	ClientKeyFile string
	// URL is the API's base, including any path prefix, without a method's name; "" is [DefaultURL].
	// It must be https, or http for a loopback host. With http, a request fails unless the address
	// that is dialed is a loopback address.
	URL string
	// Timeout bounds one request, from connecting to the answer's last byte; 0 is 15 seconds.
	Timeout time.Duration
	// WrapTransport returns what sends the requests instead of next, which it calls: to trace them,
	// for example. NewClient calls it once. What it returns must be safe for concurrent use, must send
	// a request at most once, and sees the client key in each request's body. nil: nothing is wrapped.
	WrapTransport func(next http.RoundTripper) http.RoundTripper
	// Log is told what becomes of a ClientKeyFile, as slog.Logger.Log is: with the context of the
	// request that met it, a message, and alternating keys and values, none of which is a client key.
	// It must be safe for concurrent use and must not call the client. nil: nobody is told.
	Log func(ctx context.Context, level slog.Level, message string, keysAndValues ...any)
	// Now is the clock by which a last good key is kept for 10 minutes; nil: time.Now. It must be safe
	// for concurrent use.
	Now func() time.Time
}

// Client sends requests to the service. It keeps connections open between requests and is safe for
// concurrent use.
type Client struct {
	key       keySource
	base      *url.URL
	timeout   time.Duration
	transport connections
	sender    http.RoundTripper // the transport, or what wraps it
}

// NewClient returns a client, or an error that says what is wrong with the options, or with the
// proxy that HTTPS_PROXY names. A ClientKeyFile must exist and hold a key already. No request is
// sent.
func NewClient(options Options) (*Client, error) {
	key, err := newKeySource(options)
	if err != nil {
		return nil, fmt.Errorf("twocaptcha: %w", err)
	}
	base, err := parseURL(options.URL)
	if err != nil {
		return nil, fmt.Errorf("twocaptcha: %w", err)
	}
	if err := checkProxy(base); err != nil {
		return nil, fmt.Errorf("twocaptcha: %w", err)
	}
	if options.Timeout < 0 {
		return nil, fmt.Errorf("twocaptcha: Timeout is %s: it takes a positive duration, or 0 for %s",
			options.Timeout, defaultTimeout)
	}
	timeout := options.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	transport := newConnections()
	c := &Client{key: key, base: base, timeout: timeout, transport: transport, sender: transport}
	if options.WrapTransport != nil {
		if c.sender = options.WrapTransport(transport); c.sender == nil {
			return nil, errors.New("twocaptcha: WrapTransport returned nil: it must return an http.RoundTripper")
		}
	}
	return c, nil
}

// KeyUsable returns nil if requests have a client key, or have been without one for less than 10
// minutes: a key file that is missing, empty or refused by the service may be in the middle of a
// rotation. Otherwise the error says what is wrong with the file, without the key. It reads the
// file, sends and logs nothing, and is safe for concurrent use.
func (c *Client) KeyUsable() error {
	if err := c.key.usable(); err != nil {
		return fmt.Errorf("twocaptcha: %w", err)
	}
	return nil
}

// CloseIdleConnections closes the connections that no request uses. The client stays usable.
func (c *Client) CloseIdleConnections() { c.transport.kept.CloseIdleConnections() }
