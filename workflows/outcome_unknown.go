package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

// lostAnswerTime is how long an answer is waited for that a worker may have and could not report:
// it comes as a call, soon after the Temporal server is there again.
const lostAnswerTime = time.Minute

// noteUnknown notes that a submission may have bought the task.
func (s *solve) noteUnknown(ctx workflow.Context, outcome unknown) {
	s.SubmittedAt = workflow.Now(ctx)
	outcome.Since, outcome.Awaited = s.SubmittedAt, true
	if workflow.GetInfo(ctx).Attempt > 1 {
		// A run by the workflow's retry policy submits nothing. Calls for the submissions of the run
		// before name those.
		outcome.Callback, outcome.Lost = false, false
	}
	outcome.Callback = outcome.Callback || s.Unknown != nil && s.Unknown.Callback // an earlier submission's
	s.Unknown, s.Callback = &outcome, outcome.Callback
}

// awaitCall waits for a call that names the task. It sets the task's id, or has the task be
// submitted anew. The error ends SolveTask.
func (s *solve) awaitCall(ctx workflow.Context) error {
	s.state = StateOutcomeUnknown
	s.show(ctx)
	err := s.sleep(ctx, s.awaitCallUntil(), "for a call that names the task, "+s.attemptSummary())
	switch {
	case ctx.Err() != nil:
		s.awaitLostAnswer(ctx)
		return ctx.Err()
	case err != nil:
		return err
	case s.takeCalledTask():
		return nil
	case s.settings.ResubmitUnknown && !s.Resubmitted:
		s.Resubmitted, s.Unknown.Awaited = true, false
		s.Failures, s.SubmitAt, s.LastAnswer = 0, time.Time{}, nil
		return nil
	}
	return s.newOutcomeUnknown()
}

// awaitCallUntil is until when a call is waited for.
func (s *solve) awaitCallUntil() time.Time {
	since := s.Unknown.Since
	until := since
	switch {
	case s.calls == nil:
	case s.Unknown.Callback:
		until = s.SubmittedAt.Add(s.settings.timeout())
	case s.Unknown.Lost:
		until = since.Add(lostAnswerTime)
	}
	if s.settings.ResubmitUnknown && !s.Resubmitted {
		// The submission that follows must still be in time.
		latest := s.submitUntil().Add(-schedule.MinInterval)
		if latest.After(since.Add(lostAnswerTime)) {
			latest = since.Add(lostAnswerTime)
		}
		if until.After(latest) {
			until = latest
		}
	}
	return until
}

// awaitLostAnswer has a cancellation wait for an answer that a worker may have.
func (s *solve) awaitLostAnswer(ctx workflow.Context) {
	if s.Unknown.Lost && s.calls != nil {
		s.continues = false
		disconnected, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		_ = s.sleep(disconnected, s.Unknown.Since.Add(lostAnswerTime), "for the answer of the submission, "+s.attemptSummary())
	}
	s.takeCalledTask()
}

// takeLastCall has an end name the task that a call has named while a later submission was under
// way.
func (s *solve) takeLastCall(ctx workflow.Context) {
	if s.calls != nil && s.TaskID == 0 {
		s.calls.collect(ctx)
		s.takeCalledTask()
	}
}

// takeCalledTask takes the next task that a call has named for the attempt's submissions, if their
// outcome is unknown.
func (s *solve) takeCalledTask() bool {
	at := s.nextCalledTask()
	if at < 0 {
		return false
	}
	s.TaskID, s.Unconfirmed = s.calls.taskIDs[at], true
	return true
}

// nextCalledTask is which of the called tasks is next, or -1 if there is none. A task of which the
// service does not know is asked for once.
func (s *solve) nextCalledTask() int {
	if s.calls == nil || s.Unknown == nil {
		return -1
	}
	return slices.IndexFunc(s.calls.taskIDs, func(taskID int64) bool { return !slices.Contains(s.Refused, taskID) })
}

// sleep blocks until due, or until a call has named a task that is to be taken. Its error is the
// cancellation, or what continues the workflow as new.
func (s *solve) sleep(ctx workflow.Context, due time.Time, summary string) error {
	var timer workflow.Future
	for {
		if s.calls != nil {
			s.calls.collect(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case s.nextCalledTask() >= 0:
			return nil
		case s.continues && workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return s.continueAsNew(ctx)
		case !due.After(workflow.Now(ctx)), timer != nil && timer.IsReady():
			return nil
		case timer == nil:
			timer = workflow.NewTimerWithOptions(ctx, due.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: summary})
		}
		untilAny(ctx, timer, s.calls, func(workflow.ReceiveChannel, bool) { s.calls.collect(ctx) })
	}
}
