package simulator

import (
	"slices"
	"time"
)

// Submission is a task to submit, and what becomes of it.
type Submission struct {
	// Answers are what consecutive getTaskResult requests for the task get, as with Script.
	Answers []Answer

	// Refused is what createTask answers in place of making the task, so that nothing is bought. nil
	// means that it makes the task.
	Refused *Answer

	// CreateAnswer is what createTask answers after it has made the task, in place of the task's id:
	// the answer that gets lost, or the result of a service that solves a task at once. nil means the
	// id.
	CreateAnswer *Answer

	// CallbackURL is where the task's callbacks go: an http or https URL whose host is loopback. If
	// it is empty, there are none.
	CallbackURL string

	// Callbacks are sent to CallbackURL. nil means one genuine callback when the task ends; an
	// empty slice that is not nil means none. A task that never ends has no callbacks, since their
	// delays count from its end.
	Callbacks []Callback
}

// Submit makes a task as createTask does, and returns its id. The task is submitted now. It ends at
// the time of the first of its answers that was made by Ready, ReadyAfter, Error or ErrorAfter,
// even if other answers precede that one: what getTaskResult answers may lag behind. Submit panics
// if CallbackURL is not on loopback.
//
// After Close there are no callbacks. A later Script for the task leaves the callbacks of this
// submission unchanged.
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

// end returns the answer with which the task ends, if it does, and how long after its submission it
// ends.
func (submission Submission) end() (answer Answer, after time.Duration, ends bool) {
	for _, answer := range submission.Answers {
		if answer.kind == kindReady || answer.kind == kindError {
			return answer, answer.after, true
		}
	}
	return Answer{}, 0, false
}
