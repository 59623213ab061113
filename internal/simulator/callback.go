package simulator

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Callback is one request to a task's callback URL: POST, with id and code as a form. The zero value is what the
// service's pages tell of: the task's id and its answer, as soon as the task has ended. They don't say whether the
// service repeats a callback that wasn't answered with 200, so that none is repeated but by another Callback.
type Callback struct {
	// Kind is what is right and wrong about it.
	Kind CallbackKind

	// Delay is from the task's end until it is sent. A negative one is before the end, but not before the submission.
	Delay time.Duration

	// Overtaken holds it back, once it is due, until a callback of another task has had its answer, or has failed. Of
	// several that are held back the last one goes first. Where no other follows it is never sent.
	Overtaken bool

	// Code is sent as code; "": the error's code of a task that fails, the text of a solution that is a string, the
	// token or the text of one that is an object with such a property, else the solution as JSON. What the service
	// sends for objects is not documented.
	Code string
}

// CallbackKind is what is right and wrong about a callback.
type CallbackKind int

const (
	// Genuine is the task's id, posted to the task's callback URL.
	Genuine CallbackKind = iota
	// Lost is a callback that is never sent, but recorded when it would have been.
	Lost
	// BrokenMAC is posted to the task's callback URL with another character in place of the eighth from the end of its
	// path, which is lengthened where it is shorter.
	BrokenMAC
	// OtherTask has the id of the task that was submitted before this one; of the first one it is UnknownTask.
	OtherTask
	// UnknownTask has the id of a task that there is not.
	UnknownTask
)

// String is the kind in words, such as "genuine" or "broken MAC".
func (k CallbackKind) String() string {
	switch k {
	case Genuine:
		return "genuine"
	case Lost:
		return "lost"
	case BrokenMAC:
		return "broken MAC"
	case OtherTask:
		return "other task"
	case UnknownTask:
		return "unknown task"
	}
	return "callback kind " + strconv.Itoa(int(k))
}

// planCallbacks has the callbacks of a task that was submitted sent when they are due. The mutex is held.
func (s *Server) planCallbacks(taskID int64, submitted time.Time, submission Submission) {
	end, after, ends := submission.end()
	if !ends || s.closed {
		return
	}
	callbacks := submission.Callbacks
	if callbacks == nil {
		callbacks = []Callback{{}}
	}
	if faults, ok := s.callbackFaults.draw(taskID); ok {
		callbacks = faults
	}
	genuine := false
	for i, callback := range callbacks {
		delivery := CallbackDelivery{
			TaskID:   taskID,
			Number:   i + 1,
			Callback: callback,
			Repeat:   callback.Kind == Genuine && genuine,
			URL:      submission.CallbackURL,
			ID:       taskID,
			Code:     callback.Code,
			Ended:    submitted.Add(after),
		}
		genuine = genuine || callback.Kind == Genuine
		if delivery.Code == "" {
			delivery.Code = end.code
			if end.kind == kindReady {
				delivery.Code = solutionCode(end.solution)
			}
		}
		switch {
		case callback.Kind == BrokenMAC:
			delivery.URL = withBrokenMAC(delivery.URL)
		case callback.Kind == OtherTask && s.lastSubmitted != 0:
			delivery.ID = s.lastSubmitted
		case callback.Kind == OtherTask, callback.Kind == UnknownTask:
			delivery.ID = taskID + unknownTaskOffset
		}
		s.running.Add(1)
		go func() {
			defer s.running.Done()
			s.sendWhenDue(max(0, after+callback.Delay), delivery)
		}()
	}
}

// unknownTaskOffset is more than the tasks that a server will ever have.
const unknownTaskOffset = 1 << 40

func solutionCode(solution string) string {
	if text, ok := jsonString(json.RawMessage(solution)); ok {
		return text
	}
	var properties map[string]json.RawMessage
	if json.Unmarshal([]byte(solution), &properties) == nil {
		for _, name := range []string{"token", "text"} {
			if text, ok := jsonString(properties[name]); ok {
				return text
			}
		}
	}
	return solution
}

// withBrokenMAC changes no character at the very end: of the last one in base64 not every bit counts.
func withBrokenMAC(text string) string {
	const fromEnd = 8
	callbackURL, err := url.Parse(text)
	if err != nil {
		return text // it was checked when the task was submitted
	}
	path := callbackURL.Path + strings.Repeat("A", max(0, fromEnd-len(callbackURL.Path)))
	at := len(path) - fromEnd
	replacement := "A"
	if path[at] == 'A' {
		replacement = "B"
	}
	callbackURL.Path, callbackURL.RawPath = path[:at]+replacement+path[at+1:], ""
	return callbackURL.String()
}
