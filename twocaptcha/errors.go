package twocaptcha

import (
	"fmt"
	"net/http"
	"time"
)

// ServiceError is an error that the service answered with, on whatever HTTP status.
type ServiceError struct {
	// Method is the API method that was called, such as "getTaskResult".
	Method string
	// TaskID is the task that the call was about; 0 if it was about none.
	TaskID int64
	// ErrorID is the service's errorId: an id of its error table, though 0 or 1 on sister services.
	// Code decides.
	ErrorID int64
	// Code is the service's errorCode, one of this package's constants or any other; never empty, at
	// most 100 bytes.
	Code string
	// Description is the service's errorDescription, at most 500 bytes. It varies for one code.
	Description string
	// HTTPStatus is the answer's. The service's is 200 for its errors too.
	HTTPStatus int
	// RetryAfter is what the Retry-After header asked for, at most 24 hours; 0 if there was none.
	RetryAfter time.Duration
	// NotSent tells that the service answered before the request was sent in full. If it is false, the
	// request was sent, or nobody knows.
	NotSent bool
	// KeySetAside tells, of ErrorKeyDoesNotExist, that the key came from a ClientKeyFile whose content
	// has changed, and that the next request has another key: it may be repeated.
	KeySetAside bool
}

// Error returns which task it is, the method, the code, what to do about it if that is known, and
// the service's description, in at most 500 bytes.
func (e *ServiceError) Error() string {
	text := called(e.TaskID, e.Method) + e.Code
	if e.HTTPStatus != 0 && e.HTTPStatus != http.StatusOK {
		text += fmt.Sprintf(" on HTTP %d", e.HTTPStatus)
	}
	advice := codeAdvice[e.Code]
	if e.KeySetAside {
		advice = "the client key in the file has changed; the next request has another one"
	}
	if advice != "" {
		text += " (" + advice + ")"
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return cut(text, maxText)
}

// Reason tells why a request brought neither a result nor an error of the service.
type Reason string

const (
	// ReasonConnection: no answer, or not the whole of it. Refused, dropped, stalled, canceled, or not
	// sent.
	ReasonConnection Reason = "connection"
	// ReasonStatus: an HTTP status other than 2xx, or one without a body, without an error of the
	// service. Redirects are among them. On 408, 425, 429 and 5xx only this package's codes are errors
	// of the service: a gateway may have written others.
	ReasonStatus Reason = "status"
	// ReasonUnreadable: not JSON, or broken off, or nested too deep, or an answer of more than 256 KiB
	// that is not a JSON object.
	ReasonUnreadable Reason = "unreadable"
	// ReasonUnexpected: JSON that is neither a result nor an error, such as a status that is missing
	// or unknown, or ready without a solution.
	ReasonUnexpected Reason = "unexpected"
	// ReasonNoCode: an errorId other than 0, without an errorCode.
	ReasonNoCode Reason = "no code"
	// ReasonTooLarge: a JSON object of more than 256 KiB on an HTTP status 2xx.
	ReasonTooLarge Reason = "too large"
	// ReasonClientKey: the client key's file can't be read, or holds no usable key. Nothing was sent.
	ReasonClientKey Reason = "client key"
	// ReasonInput: what the caller gave can't be sent. Nothing was sent.
	ReasonInput Reason = "input"
)

// TransportError is a request that brought neither a result nor an error of the service.
type TransportError struct {
	// Method is the API method that was called, such as "getTaskResult".
	Method string
	// TaskID is the task that the call was about; 0 if it was about none.
	TaskID int64
	// Reason tells which kind of failure it is.
	Reason Reason
	// Detail says what was seen, for people: valid UTF-8 without control characters, without the
	// client key.
	Detail string
	// ErrorID is the service's errorId with [ReasonNoCode], otherwise 0.
	ErrorID int64
	// HTTPStatus is the answer's; 0 if no answer began.
	HTTPStatus int
	// RetryAfter is what the Retry-After header asked for, at most 24 hours; 0 if there was none.
	RetryAfter time.Duration
	// NotSent tells that the request was not sent, or not in full, so that the service can't have
	// acted on it. If it is false, the request was sent, or nobody knows.
	NotSent bool
	// NamesTask tells, of createTask, that the answer has a task's id, on a status other than 2xx: the
	// task may have been bought.
	NamesTask bool

	cause error
}

// Error returns which task it is, the method, and what was seen, in at most 500 bytes.
func (e *TransportError) Error() string {
	detail := e.Detail
	if detail == "" {
		detail = string(e.Reason)
	}
	return cut(called(e.TaskID, e.Method)+detail, maxText)
}

// Unwrap returns [context.Canceled] or [context.DeadlineExceeded] if that ended the request, and
// nil otherwise: the errors of the layers below may quote bytes that the service sent.
func (e *TransportError) Unwrap() error { return e.cause }

// called names the task, if there is one, and the method, as an error's text begins.
func called(taskID int64, method string) string {
	if taskID == 0 {
		return method + ": "
	}
	return fmt.Sprintf("task %d: %s: ", taskID, method)
}
