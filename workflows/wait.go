package workflows

import (
	"cmp"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	// attemptTimeout is above the 15 seconds that a request may take, so that a request tells its own end.
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
	state      string
	nextPollAt time.Time
	// planned is the timer of the schedule's own next poll. A wake-up leaves it running: the wait after it can use it.
	planned *timer
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

// step waits for the next poll and makes it. It returns nil and nil where the wait goes on.
func (w *wait) step(ctx workflow.Context) (*AwaitTaskResultOutput, error) {
	due, err := w.untilDue(ctx)
	if err != nil {
		return nil, err
	}
	last := w.schedule.IsLast(due) || w.schedule.IsLast(workflow.Now(ctx)) // the worker may wake hours late
	answer, err := w.poll(ctx, last)
	last = last || answer.Polls > 0
	switch verdict := verdictOf(err); {
	case err == nil && answer.Status == twocaptcha.StatusReady:
		return &AwaitTaskResultOutput{TaskID: w.settings.TaskID, TaskResult: answer.TaskResult, Polls: w.Polls}, nil
	case verdict != nil:
		return nil, newVerdict(w.settings.TaskID, verdict, w.progress)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case last:
		return nil, newTaskTimeout(w.settings.TaskID, w.settings.Timeout, w.progress)
	}
	return nil, nil
}

// untilDue sleeps until the next poll, by the schedule or by a wake-up, and returns when it was due. Its error is the
// cancellation, or what continues the workflow as new.
func (w *wait) untilDue(ctx workflow.Context) (time.Time, error) {
	due, earliest := w.schedule.First(), w.StartedAt
	if w.Polls > 0 {
		due = w.schedule.Next(w.Polls+1, w.LastPollEnd, w.NotBefore)
		earliest = w.LastPollEnd.Add(schedule.MinInterval)
		if w.NotBefore.After(earliest) {
			earliest = w.NotBefore
		}
	}
	if w.planned.isRunning() && !w.planned.due.Before(earliest) {
		due = w.planned.due
	} else {
		// One that is due too soon after the last poll lapses: a cancellation is an event of its own, and a wait that was woken
		// up has ended before that timer fires, as a rule.
		w.planned = nil
	}
	var wakeUp *timer
	for {
		w.WakeUp = w.wakeUps.receive() || w.WakeUp
		if w.mayContinueAsNew && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return time.Time{}, w.continueAsNew(ctx)
		}
		target, sleeping := due, &w.planned
		if w.WakeUp && earliest.Before(due) {
			target, sleeping = earliest, &wakeUp
		}
		if !target.After(workflow.Now(ctx)) || *sleeping != nil && !(*sleeping).isRunning() {
			w.WakeUp, w.nextPollAt = false, time.Time{}
			return target, nil
		}
		if *sleeping == nil {
			*sleeping = newTimer(ctx, target, w.timerSummary(target))
		}
		w.nextPollAt = target
		w.show(ctx)
		w.untilAny(ctx, *sleeping)
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
	}
}

// untilAny blocks until the timer fires, something comes in on the wake-up channel, or ctx is canceled.
func (w *wait) untilAny(ctx workflow.Context, timer *timer) {
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

// poll runs the getTaskResult activity once. The last poll has one attempt; one before it may repeat its request until the
// deadline, and then has the time of one attempt left, so that an answer on its way is not cut off. With PollingActivityRetry
// the attempts of one before the last are polls themselves, by the schedule; it tells then how many there were.
func (w *wait) poll(ctx workflow.Context, last bool) (activities.GetTaskResultOutput, error) {
	w.state, w.LastPollAt = StatePolling, workflow.Now(ctx)
	w.show(ctx)

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
	input := activities.GetTaskResultInput{TaskID: w.settings.TaskID}
	if w.settings.Polling == PollingActivityRetry && !last {
		input.Schedule, input.Polls = &w.schedule, w.Polls
	}
	var answer activities.GetTaskResultOutput
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), GetTaskResultActivity, input).Get(ctx, &answer)

	w.state, w.LastPollEnd, w.NotBefore = StateWaiting, workflow.Now(ctx), time.Time{}
	if err != nil {
		w.noteFailure(err)
		return activities.GetTaskResultOutput{}, err
	}
	w.Polls = max(w.Polls+1, answer.Polls)
	w.noteStatus(answer.Status)
	w.LastError = answer.LastError
	return answer, nil
}

func (w *wait) noteStatus(status string) {
	w.LastStatus = cmp.Or(status, w.LastStatus)
	w.SeenProcessing = w.SeenProcessing || status == twocaptcha.StatusProcessing
}

func (w *wait) noteFailure(err error) {
	w.LastError = errorText(err)
	failure, details := new(temporal.ApplicationError), ErrorDetails{}
	if errors.As(err, &failure) && failure.HasDetails() {
		_ = failure.Details(&details) // those of another version's activity may be of another shape; they are not needed
	}
	w.Polls = max(w.Polls+1, details.Polls)
	// The server ends a poll at once when the delay that its failure asks for does not fit in; the delay holds all the same.
	if failure.NextRetryDelay() > 0 {
		w.NotBefore = w.LastPollEnd.Add(failure.NextRetryDelay())
	}
	if failure.Type() == activities.ErrorTypeNotReady {
		w.noteStatus(twocaptcha.StatusProcessing)
	}
}

// verdictOf returns the error that ends the wait at once, or nil: only an activity's non-retryable ApplicationError does.
// One below a timeout is an earlier attempt's.
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

// continueAsNew starts the next run of this wait, which goes on where this one is.
func (w *wait) continueAsNew(ctx workflow.Context) error {
	next := w.settings
	next.continued = &w.progress
	return workflow.NewContinueAsNewError(ctx, AwaitTaskResultWorkflow, next)
}

func (w *wait) end(ctx workflow.Context, state string, err error) {
	w.state, w.nextPollAt = state, time.Time{}
	if err != nil {
		w.LastError = errorText(err)
	}
	w.show(ctx)
}
