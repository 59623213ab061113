package simulator

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Callback is one request to a task's callback URL: a POST with id and code as a form. The zero
// value is what the service's pages describe: the task's id and its answer, as soon as the task has
// ended. The pages don't say whether the service repeats a callback that wasn't answered with 200,
// so a repeat is scripted as another Callback.
type Callback struct {
	// Kind is what is right or wrong about it.
	Kind CallbackKind

	// Delay is the time from the task's end until it is sent. A negative delay is before the end,
	// but never before the submission.
	Delay time.Duration

	// Overtaken holds it back, once it is due, until a callback of another task has been answered
	// or has failed. If several are held back, the last one goes first. If no other callback
	// follows, it is never sent.
	Overtaken bool

	// Code is sent as code. The default depends on how the task ends: the code of its error; the
	// text of a solution that is a string; the property token or text of a solution that is an
	// object; else the solution as JSON. What the service sends for objects is not documented.
	Code string
}

// CallbackKind is what is right or wrong about a callback.
type CallbackKind int

const (
	// Genuine is the task's id, posted to the task's callback URL.
	Genuine CallbackKind = iota
	// Lost is a callback that is never sent, but recorded when it would have been.
	Lost
	// BrokenMAC is posted to the task's callback URL with another character in place of the eighth
	// from the end of its path. A shorter path is lengthened first.
	BrokenMAC
	// OtherTask has the id of the task that was submitted before this one. The first task has none
	// before it: its callback is as UnknownTask.
	OtherTask
	// UnknownTask has the id of a task that does not exist.
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

// planCallbacks starts a goroutine for each callback of a submitted task, which sends it when it is
// due. The mutex must be held.
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

// unknownTaskOffset is more than the number of tasks that a server will ever have.
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

// withBrokenMAC does not change the very last character: in base64 not every bit of it counts.
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
