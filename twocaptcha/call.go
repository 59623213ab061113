package twocaptcha

import (
	"bytes"
	"cmp"
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
	// freshConnection asks for a connection of its own. One that is kept open may be closed by the
	// service as the request comes, and nobody knows then whether the request was acted on.
	freshConnection bool
	// before is called when the connection is ready, before anything is written. On an error the
	// request is not sent. nil: nothing is called.
	before func() error
	// secrets returns what else than the key no text may show, by its mark. nil: nothing.
	secrets func() map[string][]string
}

// keyAndTask is the body of the methods that take a task's id alone.
func keyAndTask(taskID int64) func(clientKey string) any {
	return func(clientKey string) any {
		return struct {
			ClientKey string `json:"clientKey"`
			TaskID    int64  `json:"taskId"`
		}{clientKey, taskID}
	}
}

// reading is what a method makes of an answer's properties.
type reading[Result any] struct {
	result Result
	// outranksErrors tells that the result counts on every 2xx, whatever error stands beside it and
	// whatever follows it: it is paid for.
	outranksErrors bool
	// namesTask tells that the answer to createTask has a task's id.
	namesTask bool
	// isTheCode tells that the error code itself says the result.
	isTheCode bool
	// oddity says why the properties are not a result; "" if they are.
	oddity string
}

// call sends one request and returns what read makes of the answer. It is the one path of every API
// method. The error is a [*ServiceError] or a [*TransportError]. The request is not sent after
// ctx's deadline, even if the process was stopped meanwhile.
func call[Result any](
	ctx context.Context, c *Client, r request, read func(properties object, hidden secrets) reading[Result],
) (*Result, error) {
	lease, err := c.key.take(ctx)
	if err != nil {
		return nil, &TransportError{
			Method: r.method, TaskID: r.taskID, Reason: ReasonClientKey, Detail: untrusted(err.Error(), secrets{}, maxText),
			NotSent: true,
		}
	}
	result, err := callWith(ctx, c, r, lease.key, read)
	if lease.answered != nil {
		repeat := lease.answered(ctx, judgeKey(err))
		var serviceError *ServiceError
		if errors.As(err, &serviceError) {
			serviceError.KeySetAside = repeat
		}
	}
	return result, err
}

// callWith is call with this client key.
func callWith[Result any](
	ctx context.Context, c *Client, r request, key string, read func(properties object, hidden secrets) reading[Result],
) (*Result, error) {
	s := &sending{freshConnection: r.freshConnection, before: r.before}
	answer, err := c.send(ctx, r.method, r.body(key), s)
	hidden := secrets{keys: c.key.known(), more: r.secrets} // a key that has come meanwhile is among them
	if err != nil {
		failure := &TransportError{
			Method: r.method, TaskID: r.taskID, Reason: ReasonConnection, Detail: untrusted(err.Error(), hidden, maxText),
			NotSent: s.incomplete(),
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
	result, err := decode(answer, r, hidden, read)
	var transportError *TransportError
	var serviceError *ServiceError
	switch { // the service may answer before it has read the whole request
	case errors.As(err, &transportError):
		transportError.NotSent = s.incomplete()
	case errors.As(err, &serviceError):
		serviceError.NotSent = s.incomplete()
	}
	return result, err
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
func (c *Client) send(ctx context.Context, method string, body any, s *sending) (*answer, error) {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false) // it would change a raw task's bytes, though not their meaning
	if err := encoder.Encode(body); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// A bytes.Reader: net/http sends its own kinds of body together with the header, others after it.
	request, err := http.NewRequestWithContext(
		s.watch(limited), http.MethodPost, c.base.JoinPath(method).String(), bytes.NewReader(content.Bytes()))
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
		return nil, c.noAnswer(ctx, limited, cmp.Or(s.refused(), err))
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
	var notSent notSentError
	switch {
	case errors.As(err, &notSent):
		return notSent
	case ctx.Err() != nil:
		return fmt.Errorf("no answer before the request was given up: %w", ctx.Err())
	case limited.Err() != nil:
		return fmt.Errorf("no answer within %s: %w", c.timeout, limited.Err())
	}
	return fmt.Errorf("no answer: %v", err) // not %w: a dialer's timeout would pass for the context's
}

// decode classifies an answer. The first row that fits counts. "Busy" is what isBusy says.
//
//	the answer                                               is
//	2xx with a paid result, whatever else it holds           that result
//	a body that is over maxBody or not one JSON value:
//	  on other statuses than 2xx, and empty on all but 200   ReasonStatus
//	  over maxBody, and it begins as a JSON object           ReasonTooLarge
//	  any other                                              ReasonUnreadable
//	a code that says a result, if the status is not busy     that result
//	a code of the service's table                            a ServiceError
//	any other code, if the status is not busy                a ServiceError
//	an errorId without a code, if the status is not busy     ReasonNoCode
//	any other on other statuses than 2xx                     ReasonStatus
//	properties that are a result                             that result
//	any other                                                ReasonUnexpected
func decode[Result any](
	a *answer, r request, hidden secrets, read func(properties object, hidden secrets) reading[Result],
) (*Result, error) {
	var got reading[Result]
	failure := func(reason Reason, format string, values ...any) *TransportError {
		return &TransportError{
			Method: r.method, TaskID: r.taskID, Reason: reason, Detail: fmt.Sprintf(format, values...),
			HTTPStatus: a.status, RetryAfter: a.retryAfter, NamesTask: got.namesTask,
		}
	}
	success := a.status >= 200 && a.status < 300
	// What leaves this package must be valid UTF-8, and encoding/json lets raw values pass as they
	// are.
	body := a.body[:min(len(a.body), maxBody)]
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	properties, err := decodeObject(body)
	got = read(properties, hidden)
	switch blank := len(bytes.TrimSpace(body)) == 0; {
	case success && got.outranksErrors:
		return &got.result, nil
	case !success && (err != nil || len(a.body) > maxBody), blank && a.status != http.StatusOK:
		return nil, failure(ReasonStatus, "%s", a.statusText(hidden))
	case len(a.body) > maxBody && beginsObject(body):
		return nil, failure(ReasonTooLarge, "the answer is over %d KiB large", maxBody>>10)
	case len(a.body) > maxBody:
		return nil, failure(ReasonUnreadable, "the answer is over %d KiB large and not a JSON object: %s",
			maxBody>>10, excerpt(body, hidden))
	case err != nil && a.brokenOff:
		return nil, failure(ReasonUnreadable, "the connection was closed within the answer: %s", excerpt(body, hidden))
	case blank:
		return nil, failure(ReasonUnreadable, "the answer is empty")
	case err != nil:
		return nil, failure(ReasonUnreadable, "the answer can't be read (%s): %s",
			untrusted(err.Error(), hidden, maxExcerpt), excerpt(body, hidden))
	}

	errorID, errorIDUsable := properties.integer("errorId")
	code := untrustedCode(properties.code(), hidden)
	busy := isBusy(a.status)
	switch {
	case got.isTheCode && !busy:
		return &got.result, nil
	case code != "" && (IsKnownCode(code) || !busy):
		return nil, &ServiceError{
			Method: r.method, TaskID: r.taskID, ErrorID: errorID, Code: code,
			Description: untrusted(properties.text("errorDescription"), hidden, maxText),
			HTTPStatus:  a.status, RetryAfter: a.retryAfter,
		}
	case errorID != 0 && !busy:
		failed := failure(ReasonNoCode, "the answer has errorId %d and no errorCode: %s", errorID, excerpt(body, hidden))
		failed.ErrorID = errorID
		return nil, failed
	case !success:
		return nil, failure(ReasonStatus, "%s", a.statusText(hidden))
	case properties == nil:
		got.oddity = "not a JSON object"
	case !errorIDUsable:
		got.oddity = "errorId is not an integer"
	}
	if got.oddity != "" {
		return nil, failure(ReasonUnexpected, "the answer is neither a result nor an error (%s): %s", got.oddity, excerpt(body, hidden))
	}
	return &got.result, nil
}

// isBusy tells whether the status asks to repeat the request: a gateway that speaks for the service
// may send it with a code of its own, and the task's result may be there all the same.
func isBusy(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// statusText describes an answer by its HTTP status.
func (a *answer) statusText(hidden secrets) string {
	text := fmt.Sprintf("HTTP status %d", a.status)
	if name := http.StatusText(a.status); name != "" {
		text += " (" + name + ")"
	}
	if a.status >= 300 && a.status < 400 && a.location != "" {
		target := "another place"
		if location, err := url.Parse(a.location); err == nil && location.Host != "" {
			target = `"` + untrusted(location.Host, hidden, maxExcerpt) + `"`
		}
		return text + ": a redirect to " + target +
			", not followed since it would carry the client key along; check the API's URL"
	}
	if len(bytes.TrimSpace(a.body)) == 0 {
		return text + " with an empty body"
	}
	return text + ": " + excerpt(a.body, hidden)
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
