package twocaptcha

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// DefaultURL is where the service is.
	DefaultURL = "https://api.2captcha.com"

	defaultTimeout = 15 * time.Second
	// A ready answer is a few KiB. Beyond this, what a workflow would have to store may pass Temporal's limit of 2 MB.
	maxBody = 256 << 10
)

// Options say which account's tasks are asked for, and where.
type Options struct {
	// ClientKey is the account's API key. Exactly one of ClientKey and ClientKeyFile is given.
	ClientKey string
	// ClientKeyFile is a file that holds the key. It is read at every request, so that a rotated key counts at once.
	ClientKeyFile string
	// URL is the API's base, a path prefix included; "" is [DefaultURL]. It is https, or http for a loopback host.
	URL string
	// Timeout bounds one request, from connecting to the answer's last byte; 0 is 15 seconds.
	Timeout time.Duration
}

// Client asks the service. It keeps connections open between requests and is safe for concurrent use.
type Client struct {
	key       keySource
	base      *url.URL
	timeout   time.Duration
	transport *http.Transport
}

// NewClient returns a client, or an error that says what is wrong with the options. A ClientKeyFile must exist and hold
// a key already. No request is made.
func NewClient(options Options) (*Client, error) {
	key, err := newKeySource(options)
	if err != nil {
		return nil, fmt.Errorf("twocaptcha: %w", err)
	}
	base, err := parseURL(options.URL)
	if err != nil {
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
	return &Client{key: key, base: base, timeout: timeout, transport: newTransport()}, nil
}

// CloseIdleConnections closes the connections that no request uses. The client stays usable.
func (c *Client) CloseIdleConnections() { c.transport.CloseIdleConnections() }

// GetTaskResult asks once for the task's result. Its status is [StatusProcessing] or [StatusReady]. The error, if any,
// is a [*ServiceError] or a [*TransportError], never another. The request is not sent after ctx's deadline, also
// where the process was stopped meanwhile.
//
// https://2captcha.com/api-docs/get-task-result
func (c *Client) GetTaskResult(ctx context.Context, taskID int64) (*TaskResult, error) {
	key, err := c.key()
	if err != nil {
		return nil, &TransportError{TaskID: taskID, Reason: ReasonClientKey, Detail: foreign(err.Error(), "", maxText)}
	}
	answer, err := c.do(ctx, "getTaskResult", struct {
		ClientKey string `json:"clientKey"`
		TaskID    int64  `json:"taskId"`
	}{key, taskID})
	if err != nil {
		failure := &TransportError{TaskID: taskID, Reason: ReasonConnection, Detail: foreign(err.Error(), key, maxText)}
		if answer != nil {
			failure.HTTPStatus, failure.RetryAfter = answer.status, answer.retryAfter
		}
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, cause) {
				failure.cause = cause
			}
		}
		return nil, failure
	}
	return answer.taskResult(taskID, key)
}

// answer is what came back over HTTP.
type answer struct {
	status     int
	retryAfter time.Duration
	location   string
	body       []byte // at most maxBody+1 bytes of it
	brokenOff  bool   // the body ended before its announced length
}

// do sends one request and reads its answer. With an error, the answer is nil, or has the header's part.
func (c *Client) do(ctx context.Context, method string, input any) (*answer, error) {
	content, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// A bytes.Reader: net/http sends its own kinds of body together with the header, others after it.
	request, err := http.NewRequestWithContext(onlyInTime(limited), http.MethodPost, c.base.JoinPath(method).String(),
		bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "temporal-2captcha/"+Version)

	// Not through an http.Client: it follows redirects, which would carry the key to another host, and fails on those
	// that it can't parse, where the status would be lost.
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, c.noAnswer(ctx, limited, err)
	}
	defer response.Body.Close()
	got := &answer{
		status:     response.StatusCode,
		retryAfter: parseRetryAfter(response.Header.Get("Retry-After"), time.Now()),
		location:   response.Header.Get("Location"),
	}
	if got.status < 200 { // after 101 Switching Protocols the connection is the body, and no timeout ends its reading
		return got, nil
	}
	got.body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		got.brokenOff, err = true, nil
	}
	if err != nil {
		return got, c.noAnswer(ctx, limited, err)
	}
	return got, nil
}

// noAnswer tells an end that the caller or the timeout made from one that the connection came to.
func (c *Client) noAnswer(ctx, limited context.Context, err error) error {
	var tooLate tooLateError
	switch {
	case errors.As(err, &tooLate):
		return tooLate
	case ctx.Err() != nil:
		return fmt.Errorf("no answer before the request was given up: %w", ctx.Err())
	case limited.Err() != nil:
		return fmt.Errorf("no answer within %s: %w", c.timeout, limited.Err())
	}
	return fmt.Errorf("no answer: %v", err) // not %w: a dialer's timeout would pass for the context's
}

func parseRetryAfter(value string, now time.Time) time.Duration {
	const longest = 24 * time.Hour
	value = strings.TrimSpace(value)
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := time.ParseDuration(value + "s")
		if err != nil { // only for being out of range
			return longest
		}
		return min(seconds, longest)
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), longest)
}
