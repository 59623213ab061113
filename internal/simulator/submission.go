package simulator

import (
	"slices"
	"time"
)

// Submission is a task with its fate.
type Submission struct {
	// Answers are what consecutive getTaskResult requests for the task get, as with Script.
	Answers []Answer

	// CallbackURL is where the task's callbacks go: an http or https URL whose host is loopback; "": there are none.
	CallbackURL string

	// Callbacks are sent to CallbackURL. nil is one, genuine, when the task ends; an empty slice that is not nil is
	// none. A task that never ends has none: there is no time to count their delays from.
	Callbacks []Callback
}

// Submit makes a task as createTask does, and returns its id. The task is submitted when this is called, and ends at
// the time of the first of its answers that was made by Ready, ReadyAfter, Error or ErrorAfter, whatever stands before
// that one: what getTaskResult answers may lag behind. Submit panics where CallbackURL is not on loopback.
//
// After Close there are no callbacks. Another Script for the task leaves the callbacks of this submission as they are.
func (s *Server) Submit(submission Submission) (taskID int64) {
	if submission.CallbackURL != "" {
		if err := checkCallbackURL(submission.CallbackURL); err != nil {
			panic("fake 2captcha: " + err.Error())
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()

	for s.tasks[s.nextTaskID] != nil {
		s.nextTaskID++
	}
	taskID = s.nextTaskID
	s.nextTaskID++
	submitted := s.options.Clock()
	s.tasks[taskID] = &task{submitted: submitted, answers: slices.Clone(submission.Answers)}
	s.bans.tasks++
	if submission.CallbackURL != "" {
		s.planCallbacks(taskID, submitted, submission)
	}
	s.lastSubmitted = taskID
	return taskID
}

// end returns the answer with which a task ends, if it does, and how long after its submission that is.
func (submission Submission) end() (answer Answer, after time.Duration, ends bool) {
	for _, answer := range submission.Answers {
		if answer.kind == kindReady || answer.kind == kindError {
			return answer, answer.after, true
		}
	}
	return Answer{}, 0, false
}
