package callback

import (
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

	var taskID uint64
	for field := range strings.SplitSeq(string(content), "&") {
		name, value, _ := strings.Cut(field, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != "id" {
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			value = ""
		}
		id, err := strconv.ParseUint(value, 10, 63) // unlike ParseInt, it takes no sign
		switch {
		case err != nil || id == 0:
			return 0, &refusal{http.StatusBadRequest, "the body's id is not a positive integer"}
		case taskID != 0 && id != taskID:
			return 0, &refusal{http.StatusBadRequest, "the body has several ids"}
		}
		taskID = id
	}
	if taskID == 0 {
		return 0, &refusal{http.StatusBadRequest, "the body has no id"}
	}
	return int64(taskID), nil
}
