package simulator

import (
	"slices"
	"time"
)

// Script submits a task with this id: consecutive requests for it get consecutive answers, and the
// last answer stays. Without answers the task is processing for ever. The times of ReadyAfter and
// ErrorAfter, and the lifetime of the result, count from this call. A second Script for the same
// task submits it anew, in place of the first.
//
// Only accepted requests use up an answer: not those that are refused (malformed, with a wrong key,
// during a ban), nor those that get one of the Faults instead.
func (s *Server) Script(taskID int64, answers ...Answer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.tasks[taskID] = &task{submitted: s.options.Clock(), answers: slices.Clone(answers)}
	s.bans.tasks++
}

type task struct {
	submitted time.Time
	answers   []Answer // what is left of the script
	charged   bool     // its price was taken, and was not given back
	reported  bool
}

// next takes the answer to one accepted request from the script.
func (t *task) next(now time.Time, lifetime time.Duration) Answer {
	var answer Answer
	if len(t.answers) > 0 {
		answer = t.answers[0]
	}
	decided := now.Sub(t.submitted) >= answer.after
	if decided && len(t.answers) > 1 {
		t.answers = t.answers[1:]
	}
	if decided && answer.kind == kindReady && now.Sub(t.submitted) > lifetime {
		return Expired().at(t.submitted, now)
	}
	return answer.at(t.submitted, now)
}
