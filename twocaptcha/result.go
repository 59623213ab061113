package twocaptcha

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The statuses of a task.
const (
	StatusProcessing = "processing"
	StatusReady      = "ready"
)

const maxCost = 100

// TaskResult is the service's answer on a task, with its JSON names. What the service left out is left out; a property
// beyond status and solution that has a type nobody can use counts as left out.
type TaskResult struct {
	// Status is StatusProcessing or StatusReady.
	Status string `json:"status"`
	// Solution is the JSON value that the service gave, an object for most task types, a string for some; nil while the
	// task is processing, never null. Invalid UTF-8 in it is replaced by U+FFFD, and the client key, where a string
	// of it holds it, by "[client key]"; the latter only with keys of 8 characters or more.
	Solution json.RawMessage `json:"solution,omitempty"`
	// Cost is what was charged, as the decimal that the service wrote; "" where it said nothing.
	Cost string `json:"cost,omitempty"`
	// IP is the address that submitted the task.
	IP string `json:"ip,omitempty"`
	// CreateTime and EndTime are when the task was submitted and completed, in Unix seconds.
	CreateTime *int64 `json:"createTime,omitempty"`
	EndTime    *int64 `json:"endTime,omitempty"`
	// SolveCount is how many workers tried.
	SolveCount *int64 `json:"solveCount,omitempty"`
}

// taskResult classifies an answer to getTaskResult.
func (a *answer) taskResult(taskID int64, key string) (*TaskResult, error) {
	failure := func(reason Reason, format string, values ...any) *TransportError {
		return &TransportError{
			TaskID: taskID, Reason: reason, Detail: fmt.Sprintf(format, values...),
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
	// What leaves this package must be valid UTF-8, and encoding/json lets raw values pass as they are.
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
			foreign(err.Error(), key, maxExcerpt), excerpt(body, key))
	}

	errorID, errorIDUsable := properties.integer("errorId")
	code := foreignCode(properties.code(), key)
	status, solution := properties.text("status"), properties["solution"]
	ready := status == StatusReady && solution != nil

	switch {
	case ok && ready && errorID == 0 && errorIDUsable: // whatever the errorCode: the solution is paid for
	case code != "":
		return nil, &ServiceError{
			TaskID: taskID, ErrorID: errorID, Code: code,
			Description: foreign(properties.text("errorDescription"), key, maxText),
			HTTPStatus:  a.status, RetryAfter: a.retryAfter,
		}
	case errorID != 0:
		failed := failure(ReasonNoCode, "the answer has errorId %d and no errorCode: %s", errorID, excerpt(body, key))
		failed.ErrorID = errorID
		return nil, failed
	case !ok:
		return nil, failure(ReasonStatus, "%s", a.statusText(key))
	case !errorIDUsable, !ready && status != StatusProcessing:
		return nil, failure(ReasonUnexpected, "the answer is neither a result nor an error (%s): %s",
			properties.oddity(key), excerpt(body, key))
	}

	result := &TaskResult{
		Status:     status,
		Cost:       properties.short("cost", key),
		IP:         properties.short("ip", key),
		CreateTime: properties.optionalInteger("createTime"),
		EndTime:    properties.optionalInteger("endTime"),
		SolveCount: properties.optionalInteger("solveCount"),
	}
	if ready {
		result.Solution = solutionWithoutKey(solution, key)
	}
	return result, nil
}

// statusText says what an HTTP status other than 200 came with.
func (a *answer) statusText(key string) string {
	text := fmt.Sprintf("HTTP status %d", a.status)
	if name := http.StatusText(a.status); name != "" {
		text += " (" + name + ")"
	}
	if a.status >= 300 && a.status < 400 && a.location != "" {
		target := "another place"
		if location, err := url.Parse(a.location); err == nil && location.Host != "" {
			target = `"` + foreign(location.Host, key, maxExcerpt) + `"`
		}
		return text + ": a redirect to " + target +
			", not followed since it would carry the client key along; check the API's URL"
	}
	if len(bytes.TrimSpace(a.body)) == 0 {
		return text + " with an empty body"
	}
	return text + ": " + excerpt(a.body, key)
}

// object is a JSON object's properties by their exact names; those that are null are left out.
type object map[string]json.RawMessage

// decodeObject reads a body that is one JSON value, with or without a byte order mark. One that is no object has no
// properties.
func decodeObject(body []byte) (object, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	if !bytes.HasPrefix(body, []byte("{")) {
		var value json.RawMessage
		return nil, json.Unmarshal(body, &value)
	}
	var properties object
	if err := json.Unmarshal(body, &properties); err != nil {
		return nil, err
	}
	for name, value := range properties {
		if string(value) == "null" {
			delete(properties, name)
		}
	}
	return properties, nil
}

// text is a property as text: a string's value, or the JSON of another one. "" where there is none.
func (o object) text(name string) string {
	if o[name] == nil {
		return ""
	}
	var text string
	if json.Unmarshal(o[name], &text) == nil {
		return text
	}
	return string(o[name])
}

// code is the errorCode: a string, or a number other than 0 as its text. Nothing else is a code.
func (o object) code() string {
	switch value := o["errorCode"]; {
	case len(value) == 0, value[0] != '"' && !isNumber(value), string(value) == "0":
		return ""
	}
	return o.text("errorCode")
}

// integer reads an integer, or one in a string; 0 where there is none. usable is false for anything else.
func (o object) integer(name string) (value int64, usable bool) {
	text := strings.TrimSpace(o.text(name))
	if text == "" {
		return 0, true
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false
	}
	return value, true
}

func (o object) optionalInteger(name string) *int64 {
	value, usable := o.integer(name)
	if !usable || strings.TrimSpace(o.text(name)) == "" {
		return nil
	}
	return &value
}

// short reads a string, or a number as it is written: through a float, 0.1 would not stay 0.1. One that is longer than
// any cost or address is left out; cut, it would be another.
func (o object) short(name, key string) string {
	value := o[name]
	if len(value) == 0 || value[0] != '"' && !isNumber(value) {
		return ""
	}
	text := o.text(name)
	if len(key) < minKeyInSolution || isNumber(value) {
		key = ""
	}
	if len(text) > maxCost {
		return ""
	}
	return clean(text, key)
}

func isNumber(value json.RawMessage) bool {
	return len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9')
}

// oddity says why an answer is neither a result nor an error.
func (o object) oddity(key string) string {
	_, errorIDUsable := o.integer("errorId")
	switch status := o.text("status"); {
	case o == nil:
		return "no JSON object"
	case !errorIDUsable:
		return "errorId is no integer"
	case status == "":
		return "no status"
	case status == StatusReady:
		return "ready without a solution"
	default:
		return `status "` + foreign(status, key, maxExcerpt) + `"`
	}
}
