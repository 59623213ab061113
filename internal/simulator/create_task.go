package simulator

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"
)

// NewTask is what a createTask request asks for.
type NewTask struct {
	Type         string          // the task's type; every type is accepted
	Task         json.RawMessage // the whole task, an object
	CallbackURL  string          // "" if the request has none
	LanguagePool string          // "en" if the request has none
	SoftID       int64           // 0 if the request has none
}

// readNewTask follows the service's table of properties. A property that is missing or out of range
// gets the code that the table of errors has for it. It is an assumption that properties of another
// JSON type, null included, are refused as malformed.
func (c *call) readNewTask(properties map[string]json.RawMessage) {
	task := NewTask{Task: properties["task"], LanguagePool: "en"}
	reject := func(code, reason string) {
		if c.rejected == nil {
			c.rejected = &refusal{reason, Error(code)}
		}
	}
	malformed := func(name string, value json.RawMessage, kind string) {
		if c.malformed == nil {
			c.malformed = &refusal{reason: fmt.Sprintf("%s %.100s is not %s", name, value, kind)}
		}
	}
	readString := func(in map[string]json.RawMessage, name string, into *string) (given bool) {
		value, given := in[name]
		if !given {
			return false
		}
		text, ok := jsonString(value)
		if !ok {
			malformed(name, value, "a string")
		}
		*into = text
		return ok
	}

	if task.Task == nil {
		reject(errorTaskAbsent, "no task")
	} else {
		var inTask map[string]json.RawMessage
		if json.Unmarshal(task.Task, &inTask) != nil || inTask == nil {
			malformed("task", task.Task, "an object")
		}
		readString(inTask, "type", &task.Type)
		if task.Type == "" {
			reject(errorBadParameters, "the task has no type")
		}
	}
	if readString(properties, "languagePool", &task.LanguagePool) && task.LanguagePool != "en" && task.LanguagePool != "rn" {
		reject(errorBadParameters, fmt.Sprintf("languagePool %.100q is neither en nor rn", task.LanguagePool))
	}
	if readString(properties, "callbackUrl", &task.CallbackURL) {
		if err := checkCallbackURL(task.CallbackURL); err != nil {
			reject(errorBadParameters, err.Error())
		}
	}
	if value, given := properties["softId"]; given {
		var ok bool
		if task.SoftID, ok = jsonInteger(value); !ok {
			malformed("softId", value, "an integer")
		}
	}
	c.newTask = &task
}

// checkCallbackURL keeps every request on this machine. The service refuses a host that isn't
// registered with the account; its pages don't say with which error. Here the registered hosts are
// those on loopback, and the error is ERROR_BAD_PARAMETERS.
func checkCallbackURL(text string) error {
	callbackURL, err := url.Parse(text)
	if err != nil || callbackURL.Scheme != "http" && callbackURL.Scheme != "https" {
		return fmt.Errorf("callbackUrl %.100q must be an http or https URL", text)
	}
	host := callbackURL.Hostname()
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("callbackUrl %.100q is not on a loopback host, such as 127.0.0.1", text)
	}
	return nil
}

// Purchase is a task that createTask made, and that the account was charged for.
type Purchase struct {
	TaskID int64
	Task   NewTask
	At     time.Time
}

// Purchases returns a copy of the records of all tasks that createTask made since Start, in order.
// Tasks whose price was given back are among them.
func (s *Server) Purchases() []Purchase {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.purchases)
}

// create submits the task of a createTask request that was accepted, and returns the answer.
func (s *Server) create(number int, task NewTask) Answer {
	submission := s.options.NewTask(task)
	submission.CallbackURL = task.CallbackURL
	id, answer := s.buy(task, submission)

	s.mutex.Lock()
	defer s.mutex.Unlock()
	request := &s.requests[number]
	request.Created, request.Answer, request.HTTPStatus = id, answer.String(), answer.httpStatus()
	s.announce()
	return answer
}

// buy returns the new task's id, or 0 if nothing was bought, and createTask's answer.
func (s *Server) buy(task NewTask, submission Submission) (id int64, answer Answer) {
	now := s.options.Clock()
	switch {
	case submission.Refused != nil:
		return 0, submission.Refused.at(now, now)
	case !s.charge():
		return 0, Error(errorZeroBalance).at(now, now)
	}
	id = s.Submit(submission)
	s.mutex.Lock()
	s.tasks[id].charged = true
	s.purchases = append(s.purchases, Purchase{TaskID: id, Task: task, At: now})
	s.mutex.Unlock()
	if submission.CreateAnswer != nil {
		return id, submission.CreateAnswer.at(now, now)
	}
	return id, named("created", fmt.Sprintf(`{"errorId":0,"taskId":%d}`, id))
}
