package twocaptchatest

import (
	"encoding/json"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// Script submits a task with this id: consecutive getTaskResult requests for it get consecutive
// answers, and the last answer stays. Without answers the task is processing for ever.
//
// The task is submitted when Script is called: the times of [ReadyAfter] and [ErrorAfter], and the
// 15 minutes for which a result can be fetched, count from then. A second Script for the same task
// replaces the first. A request that the server refuses, for a wrong key for instance, uses up no
// answer.
func (s *Server) Script(taskID int64, answers ...Answer) {
	s.engine.Script(taskID, simulated(answers)...)
}

// Submission is a task to submit, and what becomes of it.
type Submission struct {
	// Answers are what consecutive getTaskResult requests for the task get, as with
	// [Server.Script].
	Answers []Answer

	// CallbackURL is called when the task ends, once, as the service does: a POST with the form
	// id=TASK_ID&code=ANSWER. The task ends at the first of its answers that is a result or an
	// error of the service, after the time that [ReadyAfter] or [ErrorAfter] give it, in real time.
	// The host must be loopback, so that no test sends anything to another machine. If CallbackURL
	// is empty, nothing is called.
	CallbackURL string
}

// Submit makes a task with a new id, as createTask does, and returns the id. It panics if
// CallbackURL is not an http or https URL of a loopback host.
func (s *Server) Submit(submission Submission) (taskID int64) {
	return s.engine.Submit(submission.simulated())
}

func (s Submission) simulated() simulator.Submission {
	return simulator.Submission{Answers: simulated(s.Answers), CallbackURL: s.CallbackURL}
}

// NewTask is what a createTask request asks for.
type NewTask struct {
	Type         string          // the task's type; the server accepts every type
	Task         json.RawMessage // the whole task, a JSON object
	CallbackURL  string          // "" if the request has none
	LanguagePool string          // "en" if the request has none
	SoftID       int64           // 0 if the request has none
}
