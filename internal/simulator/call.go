package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// call is what a request to the API asks for.
type call struct {
	method   method
	taskID   int64
	hasTask  bool     // of getTaskResult and of the reports
	newTask  *NewTask // of createTask, if its properties could be read
	keyRight bool

	// malformed is why the request is refused before its key is looked at. rejected is why it is
	// refused once its key was found right.
	malformed, rejected *refusal
}

// refusal is why a request is not accepted, and what it gets.
type refusal struct {
	reason string
	answer Answer
}

// method is a method of the API.
type method string

const (
	getTaskResult   method = "getTaskResult"
	createTask      method = "createTask"
	getBalance      method = "getBalance"
	reportCorrect   method = "reportCorrect"
	reportIncorrect method = "reportIncorrect"
)

// readers read each method's properties.
var readers = map[method]func(*call, map[string]json.RawMessage){
	getTaskResult:   (*call).readTaskID,
	createTask:      (*call).readNewTask,
	getBalance:      func(*call, map[string]json.RawMessage) {},
	reportCorrect:   (*call).readTaskID,
	reportIncorrect: (*call).readTaskID,
}

// The largest bodies that are read: far above what a call needs. A new task may bring images.
const (
	maxRequestBytes    = 64 << 10
	maxCreateTaskBytes = 4 << 20
)

// readCall reads a request to its end, so that net/http notices from then on when the connection
// ends. The task id and the key are read if possible, even from a request that is refused for
// another reason.
func readCall(w http.ResponseWriter, r *http.Request, accepts func(key string) bool) call {
	called := method(strings.TrimPrefix(r.URL.Path, "/"))
	read := readers[called]
	if read == nil || r.URL.Path != "/"+string(called) {
		return unknownMethod(r)
	}
	limit := int64(maxRequestBytes)
	if called == createTask {
		limit = maxCreateTaskBytes
	}
	body, readError := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	c := readProperties(body, accepts, read)
	c.method = called

	refuse := func(status int, reason string) {
		c.malformed = &refusal{reason, Status(status, fmt.Sprintf("%d %s", status, http.StatusText(status)))}
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
	case c.malformed != nil:
		refuse(http.StatusBadRequest, c.malformed.reason)
	}
	return c
}

// unknownMethod refuses a path outside of the simulated API: a POST as a call of an unknown API
// method, anything else as a page that doesn't exist.
func unknownMethod(r *http.Request) call {
	reason := fmt.Sprintf("path %s is not a method of the API", r.URL.Path)
	if r.Method == http.MethodPost {
		return call{malformed: &refusal{reason, Error(errorNoSuchMethod)}}
	}
	return call{malformed: &refusal{reason, Status(http.StatusNotFound, "Not Found")}}
}

// readProperties reads what a body asks for, or what is wrong with it. Properties that the API
// method doesn't know are ignored.
func readProperties(body []byte, accepts func(key string) bool, read func(*call, map[string]json.RawMessage)) call {
	// A map, since a struct's fields would match names in upper and lower case alike.
	var properties map[string]json.RawMessage
	if err := json.Unmarshal(body, &properties); err != nil {
		return call{malformed: &refusal{reason: "the body is not a JSON object"}}
	}
	if properties == nil {
		return call{malformed: &refusal{reason: "the body is null"}}
	}

	var c call
	read(&c, properties)
	key, ok := jsonString(properties["clientKey"])
	if !ok || key == "" {
		c.malformed = &refusal{reason: "no clientKey"}
	} else {
		c.keyRight = accepts(key)
	}
	return c
}

func (c *call) readTaskID(properties map[string]json.RawMessage) {
	value, given := properties["taskId"]
	id, ok := jsonInteger(value)
	switch {
	case !given:
		c.malformed = &refusal{reason: "no taskId"}
	case !ok:
		c.malformed = &refusal{reason: fmt.Sprintf("taskId %.100s is not an integer", value)}
	default:
		c.taskID, c.hasTask = id, true
	}
}

func jsonInteger(value json.RawMessage) (int64, bool) {
	integer, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
	return integer, err == nil
}

// jsonString does not accept null.
func jsonString(value json.RawMessage) (string, bool) {
	var text *string
	if json.Unmarshal(value, &text) != nil || text == nil {
		return "", false
	}
	return *text, true
}
