package simulator

import "time"

// report answers a reportCorrect or reportIncorrect that was accepted: the service takes one report
// for a task, within the 15 minutes that its result lives. It is an assumption that it takes one
// for a task that has not ended, too.
func (s *Server) report(now time.Time, call call) Answer {
	known := s.tasks[call.taskID]
	switch {
	case known == nil, now.Sub(known.submitted) > s.options.ResultLifetime:
		return Expired().at(now, now)
	case known.reported:
		return Error(errorDuplicateReport).at(now, now)
	}
	known.reported = true
	return named("success", `{"errorId":0,"status":"success"}`)
}
