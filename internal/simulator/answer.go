package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Answer is what one request gets. Answers are values: methods return changed copies, and one
// answer can be used for any number of tasks. The zero value is Processing.
type Answer struct {
	name     string
	kind     kind
	after    time.Duration // processing until this long after the task was submitted
	hold     time.Duration // held back for this long; negative: until the client gives up
	solution string        // of kindReady
	code     string        // of kindError

	status      int // 0: 200
	contentType string
	retryAfter  string
	location    string
	body        string
	size        int           // of kindOversized
	spread      time.Duration // of kindSlow
}

type kind int

const (
	kindProcessing kind = iota
	kindReady
	kindError
	kindBody
	kindSlow
	kindOversized
	kindTruncated
	kindDropped
	kindReset
)

const (
	contentTypeJSON = "application/json; charset=utf-8"
	contentTypeText = "text/plain; charset=utf-8"
	contentTypeHTML = "text/html; charset=UTF-8"
)

// Processing is the answer for a task that has no result yet.
func Processing() Answer { return Answer{name: "processing"} }

// Ready is the answer with the result. The solution is JSON and is sent unchanged; Body sends
// anything else. Ready panics if the solution is not JSON.
func Ready(solution string) Answer { return ReadyAfter(0, solution) }

// ReadyAfter is Processing until the given time after the task was submitted, and Ready from then
// on. The script goes on to its next answer once a request has got the result.
func ReadyAfter(after time.Duration, solution string) Answer {
	if !json.Valid([]byte(solution)) {
		panic(fmt.Sprintf("fake 2captcha: the solution %q is not JSON; Status answers with any text", solution))
	}
	return Answer{name: "ready", kind: kindReady, after: after, solution: solution}
}

// Error is the service's error with this code, and with the id and description that the service
// gives it. A code that the service doesn't document has the id 1. The HTTP status is 200, as with
// the service.
func Error(code string) Answer { return ErrorAfter(0, code) }

// ErrorAfter is Processing until the given time after the task was submitted, and Error from then
// on. The script goes on to its next answer once a request has got the error.
func ErrorAfter(after time.Duration, code string) Answer {
	return Answer{name: code, kind: kindError, after: after, code: code}
}

// Expired is the error that the service gives for a task that was submitted more than 15 minutes
// ago, and for an unknown id.
func Expired() Answer { return Error(errorNoSuchCaptchaID) }

// Body is HTTP 200 with exactly these bytes as its body, labelled as JSON.
func Body(raw string) Answer {
	return Answer{name: "body", kind: kindBody, contentType: contentTypeJSON, body: raw}
}

// named is Body with a short name of its own.
func named(name, raw string) Answer {
	answer := Body(raw)
	answer.name = name
	return answer
}

// Status is an answer with this HTTP status, 200 to 599, and this body as plain text.
func Status(status int, body string) Answer {
	answer := Answer{kind: kindBody, contentType: contentTypeText, body: body}.WithHTTPStatus(status)
	answer.name = fmt.Sprintf("status %d", status)
	return answer
}

// HTMLPage is HTTP status 521 with the page by which the CDN in front of the service says that the
// service is down.
func HTMLPage() Answer {
	return Answer{name: "HTML page", kind: kindBody, status: 521, contentType: contentTypeHTML, body: cdnPage}
}

const cdnPage = `<!DOCTYPE html>
<html lang="en-US">
<head><title>api.2captcha.com | 521: Web server is down</title></head>
<body><h1>Web server is down <span>Error code 521</span></h1></body>
</html>
`

// RetryAfter is an HTTP status such as 429 or 503 with a Retry-After header: seconds, an HTTP date,
// or any other text.
func RetryAfter(status int, value string) Answer {
	answer := Status(status, fmt.Sprintf("%d %s", status, http.StatusText(status))).WithRetryAfter(value)
	answer.name = fmt.Sprintf("status %d, retry after %s", status, value)
	return answer
}

// Redirect is HTTP status 307 to this URL. A client that follows it sends its request there, key
// included. WithHTTPStatus turns it into another kind of redirect.
func Redirect(url string) Answer {
	return Answer{name: "redirect", kind: kindBody, status: http.StatusTemporaryRedirect, contentType: contentTypeText,
		location: url}
}

// TruncatedJSON is a complete HTTP answer whose JSON ends in the middle of a result.
func TruncatedJSON() Answer {
	answer := Body(truncatedJSON)
	answer.name = "truncated JSON"
	return answer
}

const truncatedJSON = `{"errorId":0,"status":"ready","solution":{"text":"hel`

// TruncatedBody is an answer whose connection is closed in the middle of the body.
func TruncatedBody() Answer {
	return Answer{name: "truncated body", kind: kindTruncated, contentType: contentTypeJSON, body: truncatedJSON}
}

// DroppedConnection closes the connection (FIN) after the request was read, without an answer.
func DroppedConnection() Answer { return Answer{name: "dropped connection", kind: kindDropped} }

// ResetConnection resets the connection (RST) after the request was read, without an answer.
func ResetConnection() Answer { return Answer{name: "reset connection", kind: kindReset} }

// Stalled reads the request, sends nothing, and closes the connection after this time, or earlier
// if the client gives up. 0 means until the client gives up. Close ends it in any case.
func Stalled(d time.Duration) Answer {
	answer := Answer{name: "stalled", kind: kindDropped, hold: d}
	if d <= 0 {
		answer.hold = -1
	}
	return answer
}

// Oversized is a ready result of this many bytes: valid JSON with one very long solution, sent in
// pieces without a Content-Length. The smallest size is that of a result with an empty solution.
func Oversized(size int) Answer {
	return Answer{name: "oversized body", kind: kindOversized, contentType: contentTypeJSON, size: size}
}

// SlowBody is HTTP 200 with these bytes as its body. They follow one by one at an even pace, the
// last one after this time.
func SlowBody(d time.Duration, raw string) Answer {
	return Answer{name: "slow body", kind: kindSlow, contentType: contentTypeJSON, body: raw, spread: d}
}

// WithHTTPStatus returns the answer with this HTTP status, 200 to 599: relatives of the service
// send its errors with 400, 401, 402 or 500. Processing before a ReadyAfter or ErrorAfter keeps its
// 200.
func (a Answer) WithHTTPStatus(status int) Answer {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("fake 2captcha: HTTP status %d is not within 200 to 599", status))
	}
	a.status = status
	return a
}

// WithRetryAfter returns the answer with this Retry-After header.
func (a Answer) WithRetryAfter(value string) Answer {
	a.retryAfter = value
	return a
}

// WithDelay returns the answer held back for this long: not a byte of it is sent before.
func (a Answer) WithDelay(d time.Duration) Answer {
	a.hold = d
	return a
}

// String returns the short name under which requests are recorded, such as "ready", "processing",
// an error code or "dropped connection".
func (a Answer) String() string {
	if a.name == "" {
		return "processing"
	}
	return a.name
}

// httpStatus is the status that the client sees, or 0 if it sees none.
func (a Answer) httpStatus() int {
	switch {
	case a.kind == kindDropped, a.kind == kindReset:
		return 0
	case a.status == 0:
		return http.StatusOK
	}
	return a.status
}

// at returns the answer as it is given at time now for a task submitted at that time, with its body
// written out.
func (a Answer) at(submitted, now time.Time) Answer {
	if now.Sub(submitted) < a.after {
		a = Answer{name: "processing", hold: a.hold}
	}
	switch a.kind {
	case kindProcessing:
		a.body = `{"errorId":0,"status":"processing"}`
	case kindReady:
		created := submitted.Unix()
		ended := submitted.Add(a.after).Unix()
		a.body = fmt.Sprintf(`{"errorId":0,"status":"ready","solution":%s,"cost":"0.00299","ip":"1.2.3.4",`+
			`"createTime":%d,"endTime":%d,"solveCount":1}`, a.solution, created, ended)
	case kindError:
		a.body = errorBody(a.code)
	default:
		return a
	}
	a.kind, a.contentType = kindBody, contentTypeJSON
	return a
}
