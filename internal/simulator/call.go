package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
)

// call is what a request to the API asks for.
type call struct {
	taskID   int64
	hasTask  bool
	keyRight bool

	// refused says why the request was refused as malformed, and answer is what it gets then.
	refused string
	answer  Answer
}

// maxRequestBytes is far above what a call needs.
const maxRequestBytes = 64 << 10

// readCall reads a request to its end, so that the connection's end is noticed from then on. The task id and the key are
// read where they can be, also of a request that is refused for something else.
func readCall(w http.ResponseWriter, r *http.Request, clientKey string) call {
	body, readError := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	if r.URL.Path != "/getTaskResult" {
		return unknownMethod(r)
	}

	c := readProperties(body, clientKey)
	refuse := func(status int, reason string) {
		c.refused = reason
		c.answer = Status(status, fmt.Sprintf("%d %s", status, http.StatusText(status)))
	}
	mediaType, _, mediaTypeError := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		refuse(http.StatusMethodNotAllowed, fmt.Sprintf("HTTP method %s instead of POST", r.Method))
	case mediaTypeError != nil || mediaType != "application/json":
		refuse(http.StatusUnsupportedMediaType,
			fmt.Sprintf("Content-Type %q instead of application/json", r.Header.Get("Content-Type")))
	case readError != nil:
		refuse(http.StatusBadRequest, "the body can't be read: "+readError.Error())
	case c.refused != "":
		refuse(http.StatusBadRequest, c.refused)
	}
	return c
}

// unknownMethod refuses a path that is none of the simulated API: as a call of an unknown API method where it is posted,
// else as a page that isn't there.
func unknownMethod(r *http.Request) call {
	reason := fmt.Sprintf("path %s instead of /getTaskResult", r.URL.Path)
	if r.Method == http.MethodPost {
		return call{refused: reason, answer: Error(errorNoSuchMethod)}
	}
	return call{refused: reason, answer: Status(http.StatusNotFound, "Not Found")}
}

// readProperties finds out what a body asks for, or in refused what is wrong with it. Properties beyond the two
// are let through.
func readProperties(body []byte, clientKey string) call {
	// A map, since a struct's fields would match names in upper and lower case alike.
	var properties map[string]json.RawMessage
	if err := json.Unmarshal(body, &properties); err != nil {
		return call{refused: "the body is no JSON object"}
	}
	if properties == nil {
		return call{refused: "the body is null"}
	}

	var c call
	taskID, hasTaskID := properties["taskId"]
	id, err := strconv.ParseInt(string(bytes.TrimSpace(taskID)), 10, 64)
	switch {
	case !hasTaskID:
		c.refused = "no taskId"
	case err != nil:
		c.refused = fmt.Sprintf("taskId %.100s is no integer", taskID)
	default:
		c.taskID, c.hasTask = id, true
	}

	var key *string
	err = json.Unmarshal(properties["clientKey"], &key)
	switch {
	case err != nil || key == nil || *key == "":
		c.refused = "no clientKey"
	default:
		c.keyRight = *key == clientKey
	}
	return c
}
