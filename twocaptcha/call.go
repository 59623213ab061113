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
	"unicode/utf8"
)

// maxBody is in bytes. A ready answer is a few KiB. A workflow would have to store what is larger,
// which may pass Temporal's limit of 2 MB.
const maxBody = 256 << 10

// request is one call of an API method.
type request struct {
	method string
	taskID int64 // 0 if the method is not about one task
	// body returns what is sent as JSON.
	body func(clientKey string) any
}

// reading is what a method makes of an answer's properties.
type reading[Result any] struct {
	result Result
	// outranksErrors tells that the result counts whatever error code stands beside it: it is paid
	// for.
	outranksErrors bool
	// oddity says why the properties are not a result; "" if they are.
	oddity string
}

// call sends one request and returns what read makes of the answer. It is the one path of every API
// method. The error is a [*ServiceError] or a [*TransportError]. The request is not sent after
// ctx's deadline, even if the process was stopped meanwhile.
func call[Result any](
	ctx context.Context, c *Client, r request, read func(properties object, clientKey string) reading[Result],
) (*Result, error) {
	key, err := c.key()
	if err != nil {
		return nil, &TransportError{
			Method: r.method, TaskID: r.taskID, Reason: ReasonClientKey, Detail: untrusted(err.Error(), "", maxText),
		}
	}
	answer, err := c.send(ctx, r.method, r.body(key))
	if err != nil {
		failure := &TransportError{
			Method: r.method, TaskID: r.taskID, Reason: ReasonConnection, Detail: untrusted(err.Error(), key, maxText),
		}
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
	return decode(answer, r, key, read)
}

// answer is what came back over HTTP.
type answer struct {
	status     int
	retryAfter time.Duration
	location   string
	body       []byte // at most maxBody+1 bytes of it
	brokenOff  bool   // the body ended before its announced length
}

// send sends one request and reads its answer. On error the answer is nil, or holds only what the
// response header said.
func (c *Client) send(ctx context.Context, method string, body any) (*answer, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// A bytes.Reader: net/http sends its own kinds of body together with the header, others after it.
	request, err := http.NewRequestWithContext(
		sendBeforeDeadline(limited), http.MethodPost, c.base.JoinPath(method).String(), bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "temporal-2captcha/"+Version)

	// Not through an http.Client: it follows redirects, which would carry the key to another host, and
	// it fails on redirects that it can't parse, so that the status would be lost.
	response, err := c.sender.RoundTrip(request)
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

// noAnswer distinguishes an end that the caller or the timeout caused from one that the connection
// came to.
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

// decode classifies an answer: a result first, then the service's error code, its error id, the
// HTTP status, and a body that is neither a result nor an error.
func decode[Result any](
	a *answer, r request, key string, read func(properties object, clientKey string) reading[Result],
) (*Result, error) {
	failure := func(reason Reason, format string, values ...any) *TransportError {
		return &TransportError{
			Method: r.method, TaskID: r.taskID, Reason: reason, Detail: fmt.Sprintf(format, values...),
			HTTPStatus: a.status, RetryAfter: a.retryAfter,
		}
	}
	ok := a.status == http.StatusOK
	if len(a.body) > maxBody {
		if ok {
			return nil, failure(ReasonTooLarge, "the answer is over %d KiB large", maxBody>>10)
		}
		return nil, failure(ReasonStatus, "%s", a.statusText(key))
	}
	// What leaves this package must be valid UTF-8, and encoding/json lets raw values pass as they
	// are.
	body := a.body
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	properties, err := decodeObject(body)
	if err != nil {
		switch {
		case a.brokenOff && ok:
			return nil, failure(ReasonUnreadable, "the connection was closed within the answer: %s", excerpt(body, key))
		case !ok:
			return nil, failure(ReasonStatus, "%s", a.statusText(key))
		case len(bytes.TrimSpace(body)) == 0:
			return nil, failure(ReasonUnreadable, "the answer is empty")
		}
		return nil, failure(ReasonUnreadable, "the answer can't be read (%s): %s",
			untrusted(err.Error(), key, maxExcerpt), excerpt(body, key))
	}

	got := read(properties, key)
	errorID, errorIDUsable := properties.integer("errorId")
	code := untrustedCode(properties.code(), key)
	switch {
	case ok && got.outranksErrors && errorID == 0 && errorIDUsable:
		return &got.result, nil
	case code != "":
		return nil, &ServiceError{
			Method: r.method, TaskID: r.taskID, ErrorID: errorID, Code: code,
			Description: untrusted(properties.text("errorDescription"), key, maxText),
			HTTPStatus:  a.status, RetryAfter: a.retryAfter,
		}
	case errorID != 0:
		failed := failure(ReasonNoCode, "the answer has errorId %d and no errorCode: %s", errorID, excerpt(body, key))
		failed.ErrorID = errorID
		return nil, failed
	case !ok:
		return nil, failure(ReasonStatus, "%s", a.statusText(key))
	case properties == nil:
		got.oddity = "not a JSON object"
	case !errorIDUsable:
		got.oddity = "errorId is not an integer"
	}
	if got.oddity != "" {
		return nil, failure(ReasonUnexpected, "the answer is neither a result nor an error (%s): %s", got.oddity, excerpt(body, key))
	}
	return &got.result, nil
}

// statusText describes an answer on an HTTP status other than 200.
func (a *answer) statusText(key string) string {
	text := fmt.Sprintf("HTTP status %d", a.status)
	if name := http.StatusText(a.status); name != "" {
		text += " (" + name + ")"
	}
	if a.status >= 300 && a.status < 400 && a.location != "" {
		target := "another place"
		if location, err := url.Parse(a.location); err == nil && location.Host != "" {
			target = `"` + untrusted(location.Host, key, maxExcerpt) + `"`
		}
		return text + ": a redirect to " + target +
			", not followed since it would carry the client key along; check the API's URL"
	}
	if len(bytes.TrimSpace(a.body)) == 0 {
		return text + " with an empty body"
	}
	return text + ": " + excerpt(a.body, key)
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
