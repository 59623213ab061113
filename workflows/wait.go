package workflows

import (
	"cmp"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	// attemptTimeout is above the 15 seconds that a request may take, so that a request reports its
	// own end.
	attemptTimeout = 20 * time.Second

	firstRetryDelay = schedule.MinInterval
	maxRetryDelay   = 30 * time.Second
)

// wait is one wait for a task's result.
type wait struct {
	settings AwaitTaskResultInput
	schedule schedule.Schedule
	wakeUps  wakeUps

	showsDetails     bool
	mayContinueAsNew bool

	progress
	state      State
	nextPollAt time.Time
	timers     timers
}

// run polls until there is an outcome.
func (w *wait) run(ctx workflow.Context) (AwaitTaskResultOutput, error) {
	for {
		result, err := w.step(ctx)
		switch {
		case workflow.IsContinueAsNewError(err):
			return AwaitTaskResultOutput{}, err
		case err != nil:
			w.end(ctx, StateFailed, err)
			return AwaitTaskResultOutput{}, err
		case result != nil:
			w.end(ctx, StateReady, nil)
			return *result, nil
		}
	}
}

// step waits for the next poll and makes it. It returns nil and nil if the wait goes on.
func (w *wait) step(ctx workflow.Context) (*AwaitTaskResultOutput, error) {
	due, err := w.untilDue(ctx)
	if err != nil {
		return nil, err
	}
	last := w.schedule.IsLast(due) || w.schedule.IsLast(workflow.Now(ctx)) // the worker may wake hours late
	answer, err := w.poll(ctx, last)
	switch verdict := verdictOf(err); {
	case err == nil && answer.Result.Status == twocaptcha.StatusReady:
		return &AwaitTaskResultOutput{TaskID: w.settings.TaskID, TaskResult: answer.Result, Polls: w.Polls}, nil
	case verdict != nil:
		return nil, newVerdict(w.settings.TaskID, verdict, w.progress)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case last, answer.Last:
		return nil, newTaskTimeout(w.settings.TaskID, w.settings.Timeout, w.progress)
	}
	return nil, nil
}

// untilDue sleeps until the next poll, by the schedule or by a wake-up, and returns when it was
// due. Its error is the cancellation, or what continues the workflow as new.
func (w *wait) untilDue(ctx workflow.Context) (time.Time, error) {
	scheduled, earliest := w.schedule.First(), w.StartedAt
	if w.Polls > 0 {
		scheduled = w.schedule.Next(w.Polls+1, w.LastPollEnd, w.NotBefore)
		earliest = w.LastPollEnd.Add(schedule.MinInterval)
		if w.NotBefore.After(earliest) {
			earliest = w.NotBefore
		}
	}
	// A wake-up leaves the timer of the scheduled poll running, so that the wait after it can use it.
	if running, found := w.timers.keep(earliest); found {
		scheduled = running
	}
	for {
		w.WakeUp = w.wakeUps.receive() || w.WakeUp
		if w.mayContinueAsNew && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return time.Time{}, w.continueAsNew(ctx)
		}
		due := scheduled
		if w.WakeUp && earliest.Before(scheduled) {
			due = earliest
		}
		timer, started := w.timers.at(due)
		if !due.After(workflow.Now(ctx)) || started && timer.future.IsReady() {
			w.WakeUp, w.nextPollAt = false, time.Time{}
			return due, nil
		}
		if !started {
			timer = w.timers.start(ctx, due, w.timerSummary(due))
		}
		w.nextPollAt = due
		w.show(ctx)
		w.untilAny(ctx, timer)
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
	}
}

// untilAny blocks until the timer fires, something is received on the wake-up channel, or ctx is
// canceled.
func (w *wait) untilAny(ctx workflow.Context, timer timer) {
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	selector.AddFuture(timer.future, func(workflow.Future) {})
	if w.wakeUps.channel != nil {
		selector.AddReceive(w.wakeUps.channel, func(_ workflow.ReceiveChannel, more bool) {
			if !more { // a closed channel would be ready for ever, and the selector leaves its closing in it as a value
				w.wakeUps.channel = nil
				return
			}
			w.WakeUp = w.wakeUps.receive() || w.WakeUp
		})
	}
	selector.Select(ctx)
}

// answer is what an activity's polls came to.
type answer = polling.Output[twocaptcha.TaskResult]

// poll runs an activity that polls: getTaskResult once, or, with PollingActivityRetry and before
// the last poll, pollTaskResult, whose attempts are polls by the schedule. The last poll has one
// attempt. One before it may repeat its request until the deadline, and then has the time of one
// attempt left, so that an answer on its way is not cut off.
func (w *wait) poll(ctx workflow.Context, last bool) (answer, error) {
	w.state, w.LastPollAt = StatePolling, workflow.Now(ctx)
	w.show(ctx)
	ctx = workflow.WithActivityOptions(ctx, w.activityOptions(ctx, last))
	var got answer
	var err error
	if w.settings.Polling == PollingActivityRetry && !last {
		err = workflow.ExecuteActivity(ctx, activities.PollTaskResultActivity, w.pollingInput()).Get(ctx, &got)
	} else {
		var result activities.GetTaskResultOutput
		input := activities.GetTaskResultInput{TaskID: w.settings.TaskID}
		err = workflow.ExecuteActivity(ctx, activities.GetTaskResultActivity, input).Get(ctx, &result)
		got = answer{Result: result.TaskResult, Polls: w.Polls + 1}
	}

	w.state, w.LastPollEnd, w.NotBefore = StateWaiting, workflow.Now(ctx), time.Time{}
	if err != nil {
		w.noteFailure(err)
		return answer{}, err
	}
	w.Polls = got.Polls
	w.noteStatus(got.Result.Status)
	w.LastError = got.LastError
	return got, nil
}

func (w *wait) activityOptions(ctx workflow.Context, last bool) workflow.ActivityOptions {
	options := workflow.GetActivityOptions(ctx) // an inline wait keeps the caller's task queue and priority
	options.ActivityID = ""
	options.Summary = w.pollSummary(last)
	options.ScheduleToStartTimeout, options.HeartbeatTimeout = 0, 0
	options.StartToCloseTimeout = attemptTimeout
	options.ScheduleToCloseTimeout = max(w.schedule.Deadline.Sub(w.LastPollAt), 0) + attemptTimeout
	options.WaitForCancellation = false
	options.RetryPolicy = &temporal.RetryPolicy{
		InitialInterval:    firstRetryDelay,
		BackoffCoefficient: 2,
		MaximumInterval:    maxRetryDelay,
	}
	if last {
		options.ScheduleToCloseTimeout = attemptTimeout
		options.RetryPolicy.MaximumAttempts = 1
	}
	return options
}

func (w *wait) pollingInput() polling.Input {
	return polling.Input{
		TaskID:          w.schedule.TaskID,
		StartedAt:       w.schedule.StartedAt,
		InitialDelay:    polling.Duration(w.schedule.InitialDelay),
		PollInterval:    polling.Duration(w.schedule.PollInterval),
		MaxPollInterval: polling.Duration(w.schedule.MaxPollInterval),
		Deadline:        w.schedule.Deadline,
		Polls:           w.Polls,
	}
}

func (w *wait) noteStatus(status string) {
	w.LastStatus = cmp.Or(status, w.LastStatus)
	w.SeenProcessing = w.SeenProcessing || status == twocaptcha.StatusProcessing
}

func (w *wait) noteFailure(err error) {
	failure := new(temporal.ApplicationError)
	errors.As(err, &failure)       // also the last attempt's, below a timeout
	details, _ := Details(failure) // of another version's activity they may be of another kind; they are not needed
	w.LastError = cmp.Or(details.LastError, errorText(err))
	w.Polls = max(w.Polls+1, details.Polls)
	// The server ends a poll at once if the delay that its failure asks for does not fit in; the delay
	// holds all the same.
	if failure.NextRetryDelay() > 0 {
		w.NotBefore = w.LastPollEnd.Add(failure.NextRetryDelay())
	}
	if failure.Type() == activities.ErrorTypeNotReady {
		w.noteStatus(twocaptcha.StatusProcessing)
	}
}

// verdictOf returns the error that ends the wait at once, or nil: only an activity's non-retryable
// ApplicationError does. One below a timeout is an earlier attempt's.
func verdictOf(err error) *temporal.ApplicationError {
	var activityError *temporal.ActivityError
	if !errors.As(err, &activityError) {
		return nil
	}
	failure, ok := activityError.Unwrap().(*temporal.ApplicationError)
	if !ok || !failure.NonRetryable() {
		return nil
	}
	return failure
}

// continueAsNew starts the next run of this wait, which goes on from where this run is.
func (w *wait) continueAsNew(ctx workflow.Context) error {
	next := w.settings
	next.continued = &w.progress
	return workflow.NewContinueAsNewError(ctx, AwaitTaskResultWorkflow, handOn(next))
}

func (w *wait) end(ctx workflow.Context, state State, err error) {
	w.state, w.nextPollAt = state, time.Time{}
	if err != nil {
		w.LastError = errorText(err)
	}
	w.show(ctx)
}
