package workflows

import (
	"cmp"
	"slices"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// SolveTaskOutput is a task's result. What the service left out is left out.
type SolveTaskOutput struct {
	// TaskID is the task's id; it is left out (0 in Go) if the service solved the task at once and
	// gave no id.
	TaskID int64 `json:"taskId,omitempty"`
	twocaptcha.TaskResult
	// Polls is how many polls it took, over all attempts.
	Polls int `json:"polls"`
	// Attempts is how many attempts were begun.
	Attempts int `json:"attempts"`
	// TaskIDs are all tasks that were bought and have an id, in order, if there were several.
	TaskIDs []int64 `json:"taskIds,omitempty"`
}

// SolveTask is the workflow that submits a task and waits for its result. It returns the result, or
// an ApplicationError, never retryable, with [ErrorDetails]; or a CanceledError with the same
// details. [Details] returns them.
//
// Before the id of a task is known, its type is the service's code, InvalidInput, NotSubmitted,
// UnexpectedResponse or CreateTaskOutcomeUnknown. After that it is what [AwaitTaskResult] ends
// with. This is what an end tells of money:
//
//   - CreateTaskOutcomeUnknown: a task may have been bought.
//   - With a taskId or taskIds in its details: they were bought.
//   - Any other error: nothing was bought. A cancellation too, unless the lastError of its details
//     is CreateTaskOutcomeUnknown.
//
// Terminated and TimedOut tell nothing of money.
//
// The task is submitted again only if it is known that nothing was bought, or with ResubmitUnknown,
// and then until Timeout after the attempt began. A start delay is not part of that. A run that
// repeats another, because it was reset to before the submission or by a retry policy, submits
// nothing: its outcome is unknown.
//
// If the worker takes callbacks, the service is given an address that wakes this workflow. It takes
// [TaskCallbackSignal] and answers [StatusQuery] with a [SolveTaskStatus]. A cancellation waits for
// the answer of a submission under way. Called within a workflow of another type, it is [Solve].
func SolveTask(ctx workflow.Context, in SolveTaskInput) (SolveTaskOutput, error) {
	return solveTask(ctx, in, nil)
}

// solveTask is [SolveTask]. missed is told of calls that don't come, if it is not nil.
func solveTask(ctx workflow.Context, in SolveTaskInput, missed func(workflow.Context)) (SolveTaskOutput, error) {
	info := workflow.GetInfo(ctx)
	if info.WorkflowType.Name != SolveTaskWorkflow {
		return Solve(ctx, in) // which would otherwise take over the caller's workflow, and continue it as this one
	}
	s := newSolve(in, info.WorkflowStartTime, workflow.Now(ctx))
	s.changed, s.missed = s.showDetails, missed
	if err := workflow.SetQueryHandler(ctx, StatusQuery, s.status); err != nil {
		return SolveTaskOutput{}, err
	}
	s.callbacks = NewCallbacks(ctx)
	s.continues = true
	return s.run(ctx)
}

// Solve is [SolveTask] inside the caller's own workflow, with the same results and errors, from now
// on. It registers no handler, leaves the caller's details alone, and can't continue as new: each
// submission has the task in the caller's history.
//
// The service is given an address to call only with [WithCallbacks], which then is that of the
// caller's workflow. Without it, it is as with DisableCallback, and a worker that can't report
// createTask's answer in time has no way to tell it. A caller with a retry policy must run
// [SolveTask] as a child instead: a run that repeats another submits nothing.
//
// Activities run on the task queue of ctx, with the priority and the like of its activity options,
// as those of [Await] do.
func Solve(ctx workflow.Context, in SolveTaskInput, options ...AwaitOption) (SolveTaskOutput, error) {
	var given wait
	for _, option := range options {
		option(&given)
	}
	s := newSolve(in, workflow.Now(ctx), workflow.Now(ctx))
	s.callbacks = given.callbacks
	// The caller goes on after this, so that no timer of it may stay behind.
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	return s.run(ctx)
}

// solveTask is [SolveTask] as it is registered.
func (r *registered) solveTask(ctx workflow.Context, input, further converter.RawValue) (SolveTaskOutput, error) {
	return solveTask(ctx, inputFromPayloads[SolveTaskInput](ctx, input, further), r.missedCalls.warn)
}

// solve is one SolveTask.
type solve struct {
	settings  SolveTaskInput
	callbacks *Callbacks // nil: nobody tells it anything
	calls     *wakeUps   // nil without callbacks

	// changed is called when the status has changed; nil: nobody shows it.
	changed func(workflow.Context)
	// missed is [wait]'s.
	missed func(workflow.Context)
	// continues tells that it may continue as new.
	continues bool

	solveProgress
	state State
	// wait is for the attempt's task; nil until it has an id.
	wait *wait
}

func newSolve(in SolveTaskInput, startedAt, attemptedAt time.Time) *solve {
	s := &solve{settings: in, state: StateSubmitting}
	if in.continued != nil {
		s.solveProgress = *in.continued
	} else {
		s.StartedAt, s.AttemptedAt, s.Attempts = startedAt, attemptedAt, 1
	}
	return s
}

// run solves the task, and makes its end what SolveTask ends with.
func (s *solve) run(ctx workflow.Context) (SolveTaskOutput, error) {
	if err := s.refusedInput(ctx); err != nil {
		s.Attempts = 0
		s.end(ctx, StateFailed, err)
		countRefused(ctx, err)
		return SolveTaskOutput{}, err
	}
	if s.callbacks != nil {
		s.calls = s.callbacks.joinSolve(ctx)
		defer s.calls.leave()
		s.calls.submissions = s.Submissions
		if s.Calls != nil {
			s.calls.taskIDs, s.calls.called = s.Calls.TaskIDs, s.Calls.Called
		}
	}
	for {
		result, err := s.attempt(ctx)
		switch {
		case workflow.IsContinueAsNewError(err):
			return SolveTaskOutput{}, err
		case err == nil:
			s.end(ctx, StateReady, nil)
			s.count(ctx, result, nil)
			return s.output(result), nil
		case s.goesOn(ctx, err):
			s.count(ctx, nil, err)
			s.beginAttempt(ctx, err)
			continue
		}
		state := StateFailed
		if ctx.Err() != nil {
			state, err = StateCanceled, ctx.Err()
		}
		s.takeLastCall(ctx)
		err = s.ending(err)
		s.end(ctx, state, err)
		s.count(ctx, nil, err)
		return SolveTaskOutput{}, err
	}
}

// replayedWorkflowID is what the SDK's replayer calls every workflow whose id it isn't told.
const replayedWorkflowID = "ReplayId"

// refusedInput is the error of an input that is wrong, or that is not of this workflow's id.
func (s *solve) refusedInput(ctx workflow.Context) error {
	in := s.settings
	if err := in.Validate(); err != nil {
		return err
	}
	workflowID := workflow.GetInfo(ctx).WorkflowExecution.ID
	if in.ID != "" && workflowID != SolveWorkflowID(in.ID) && workflowID != replayedWorkflowID {
		return newInvalidInput(0, `id is "`+printable(in.ID)+`", and the workflow's id "`+printable(workflowID)+
			`" is not made of it: leave it out, or start the workflow under "`+printable(SolveWorkflowID(in.ID))+`"`)
	}
	return nil
}

// attempt submits the task until it has an id, and waits for its result.
func (s *solve) attempt(ctx workflow.Context) (*twocaptcha.TaskResult, error) {
	for {
		if s.TaskID == 0 {
			if result, err := s.submit(ctx); result != nil || err != nil {
				return result, err
			}
		}
		if result, err := s.await(ctx); result != nil || err != nil {
			return result, err
		}
	}
}

// await waits for the task's result. It returns nil and nil if the service does not know the task
// that a call has named.
func (s *solve) await(ctx workflow.Context) (*twocaptcha.TaskResult, error) {
	s.wait = s.newWait()
	w := s.wait
	if s.calls != nil {
		s.calls.expect(s.TaskID)
	}
	result, err := w.untilEnd(ctx)
	if workflow.IsContinueAsNewError(err) || !s.Unconfirmed {
		return &result.TaskResult, err
	}
	switch code := ErrorCode(err); {
	case err == nil, w.SeenProcessing, failedAtService(code):
		s.confirm()
	case code == twocaptcha.ErrorNoSuchCapchaID:
		s.Polls += w.Polls
		countPolls(ctx, w.Polls)
		s.Refused, s.LastPollEnd, s.LastError = append(s.Refused, s.TaskID), w.LastPollEnd, errorText(err)
		s.wait, s.Wait, s.TaskID, s.Unconfirmed = nil, nil, 0, false
		return nil, nil
	}
	return &result.TaskResult, err
}

// newWait is the wait for the attempt's task. It is Await's.
func (s *solve) newWait() *wait {
	in := s.settings.waitFor(s.TaskID, s.Callback)
	in.continued = s.Wait
	if in.continued == nil {
		// A task that a call has named has ended: it is polled now, but not within 5 seconds of a poll
		// for another one.
		in.continued = &progress{StartedAt: s.SubmittedAt, LastPollEnd: s.LastPollEnd, WakeUp: s.Unconfirmed, Called: s.Unconfirmed}
	}
	w := newWait(in, s.SubmittedAt)
	w.callbacks, w.wakeUps = s.callbacks, s.calls
	w.changed, w.missed, w.unconfirmed = s.changed, s.missed, s.Unconfirmed
	if s.continues {
		w.continues = s.continueAsNew
	}
	return w
}

// confirm has the task count as bought, whose id is known for sure.
func (s *solve) confirm() {
	s.Unconfirmed, s.Unknown = false, nil
	s.TaskIDs = append(s.TaskIDs, s.TaskID)
}

// failedAtService tells whether a wait ended with what the service says of a task that it could not
// solve. A new task may succeed.
func failedAtService(code string) bool {
	return code == twocaptcha.ErrorCaptchaUnsolvable || code == twocaptcha.ErrorBadDuplicates
}

// goesOn tells whether another attempt follows the end of this one.
func (s *solve) goesOn(ctx workflow.Context, err error) bool {
	return s.wait != nil && failedAtService(ErrorCode(err)) && s.Attempts < s.settings.attempts() && ctx.Err() == nil
}

func (s *solve) beginAttempt(ctx workflow.Context, err error) {
	s.solveProgress = solveProgress{
		StartedAt: s.StartedAt, Attempts: s.Attempts + 1, AttemptedAt: workflow.Now(ctx),
		TaskIDs: s.TaskIDs, Polls: s.Polls + s.wait.Polls, LastError: errorText(err),
	}
	s.wait = nil
	if s.calls != nil { // calls for the task before this one are for nobody
		s.calls.taskID, s.calls.called, s.calls.submissions, s.calls.taskIDs = 0, false, nil, nil
	}
}

// continueAsNew starts the next run of this workflow, which goes on from where this run is. The
// task is handed on only if it may still be submitted.
func (s *solve) continueAsNew(ctx workflow.Context) error {
	s.Wait, s.Calls = nil, nil
	if s.wait != nil {
		s.Wait = &s.wait.progress
	}
	if s.calls != nil {
		s.Calls = &callsToGo{TaskIDs: s.calls.taskIDs, Called: s.calls.called}
	}
	next := s.settings
	next.continued = &s.solveProgress
	if !s.needsTask(next) {
		next.Task = nil
	}
	return workflow.NewContinueAsNewError(ctx, SolveTaskWorkflow, handOn(next))
}

func (s *solve) output(result *twocaptcha.TaskResult) SolveTaskOutput {
	out := SolveTaskOutput{TaskID: s.TaskID, TaskResult: *result, Polls: s.polls(), Attempts: s.Attempts}
	if taskIDs := s.taskIDs(); len(taskIDs) > 1 || s.TaskID == 0 { // the last task may have had no id
		out.TaskIDs = taskIDs
	}
	return out
}

func (s *solve) polls() int {
	if s.wait == nil {
		return s.Polls
	}
	return s.Polls + s.wait.Polls
}

// taskIDs are all tasks that were bought.
func (s *solve) taskIDs() []int64 {
	taskIDs := slices.Clone(s.TaskIDs)
	if s.Unconfirmed && s.wait != nil && s.wait.SeenProcessing {
		taskIDs = append(taskIDs, s.TaskID)
	}
	return taskIDs
}

// outcomeUnknown tells whether the attempt's task may have been bought, and its id is not known.
func (s *solve) outcomeUnknown() bool {
	return s.Unknown != nil && (s.TaskID == 0 || s.Unconfirmed && (s.wait == nil || !s.wait.SeenProcessing))
}

func (s *solve) end(ctx workflow.Context, state State, err error) {
	s.state = state
	if err != nil && !isCanceled(err) {
		s.LastError = errorText(err)
	}
	if s.wait == nil { // a wait tells of its end itself
		logEnd(ctx, s.TaskID, err, s.polls(), s.StartedAt)
	} else {
		s.wait.state, s.wait.nextPollAt = state, time.Time{}
		s.wait.LastError = cmp.Or(s.LastError, s.wait.LastError)
	}
	s.show(ctx)
}

func (s *solve) show(ctx workflow.Context) {
	if s.changed != nil {
		s.changed(ctx)
	}
}
