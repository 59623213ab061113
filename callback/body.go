package callback

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// maxBody is in bytes.
const maxBody = 64 << 10

// refusal is why a request is turned down, in words that are safe to send and to log.
type refusal struct {
	status int
	reason string
}

// readTaskID returns the id in a form-urlencoded body. The id may be repeated if it is always the
// same. The rest of the body, the task's code above all, is neither decoded nor kept: it proves
// nothing, and may be the solution. The Content-Type doesn't matter: a body that is not a form has
// no id.
func readTaskID(body io.Reader) (int64, *refusal) {
	content, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return 0, &refusal{http.StatusRequestEntityTooLarge, "the body is over 64 KiB"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, &refusal{http.StatusRequestTimeout, "the body took too long"}
	case err != nil:
		return 0, &refusal{http.StatusBadRequest, "the body can't be read"}
	}
	taskID, problem := formTaskID(string(content))
	switch {
	case problem != "":
		return 0, &refusal{http.StatusBadRequest, problem}
	case taskID == 0:
		return 0, &refusal{http.StatusBadRequest, "the body has no id"}
	}
	return taskID, nil
}

// findTaskID returns the id that a call brings, in whichever way services call: as the id of a form
// in the body or in the query, or as the taskId of a JSON object. It is 0 if none is usable, and if
// the query and the body have two. A body that is too large, or breaks off, has none.
func findTaskID(query string, body io.Reader) int64 {
	content, err := io.ReadAll(body)
	if err != nil {
		content = nil
	}
	// With a problem the id is 0: it is not usable, but that of the other part may be.
	ofQuery, _ := formTaskID(query)
	ofBody, _ := jsonTaskID(content)
	if !isJSONObject(content) {
		ofBody, _ = formTaskID(string(content))
	}
	if ofQuery != 0 && ofBody != 0 && ofQuery != ofBody {
		return 0
	}
	return max(ofQuery, ofBody)
}

// formTaskID returns the id of a form. Without an id it is 0, and with a wrong one it says the
// problem.
func formTaskID(form string) (taskID int64, problem string) {
	for field := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(field, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != "id" {
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			value = ""
		}
		id, ok := parseTaskID(value)
		switch {
		case !ok:
			return 0, "the body's id is not a positive integer"
		case taskID != 0 && id != taskID:
			return 0, "the body has several ids"
		}
		taskID = id
	}
	return taskID, ""
}

func isJSONObject(content []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) }

// jsonTaskID returns the taskId of a JSON object: an integer, or its digits in a string.
func jsonTaskID(content []byte) (taskID int64, problem string) {
	var properties map[string]json.RawMessage // a struct's fields would match names in any case
	if json.Unmarshal(content, &properties) != nil {
		return 0, "the body is not JSON"
	}
	value, given := properties["taskId"]
	if !given {
		return 0, ""
	}
	text := string(value)
	if value[0] == '"' && json.Unmarshal(value, &text) != nil {
		text = ""
	}
	taskID, ok := parseTaskID(text)
	if !ok {
		return 0, "the body's taskId is not a positive integer"
	}
	return taskID, ""
}

func parseTaskID(text string) (taskID int64, ok bool) {
	id, err := strconv.ParseUint(text, 10, 63) // unlike ParseInt, it takes no sign
	return int64(id), err == nil && id > 0
}
