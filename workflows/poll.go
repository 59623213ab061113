package workflows

import (
	"cmp"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// answer is what an activity's polls came to.
type answer = polling.Output[twocaptcha.TaskResult]

// poll runs an activity that polls: getTaskResult once, or, with PollingActivityRetry and before
// the last poll, pollTaskResult, whose attempts are polls by the schedule.
func (w *wait) poll(ctx workflow.Context, last, woken bool) (answer, error) {
	w.state, w.LastPollAt = StatePolling, workflow.Now(ctx)
	w.show(ctx)
	byAttempts, repeats := w.pollsByAttempts(last), w.Failures > 0
	ctx = workflow.WithActivityOptions(ctx, w.activityOptions(ctx, last, byAttempts))
	var got answer
	var err error
	if byAttempts {
		got, err = w.pollTaskResult(ctx, woken)
	} else {
		got, err = w.getTaskResult(ctx)
	}

	w.state, w.LastPollEnd, w.NotBefore = StateWaiting, workflow.Now(ctx), time.Time{}
	w.Soon, w.Failures = false, 0
	if err != nil {
		w.noteFailure(err)
		return answer{}, err
	}
	w.Polls = got.Polls
	w.noteStatus(got.Result.Status)
	w.LastError = got.LastError
	switch {
	case got.Failures > 0: // another activity, which no wake-up cancels, repeats the poll when its delay is over
		w.NotBefore = w.LastPollEnd.Add(time.Duration(got.RetryDelay))
		w.Soon, w.Failures = true, got.Failures
	case woken && (!byAttempts || repeats): // the call may have come a moment before the result is there
		w.Soon = got.Result.Status == twocaptcha.StatusProcessing
	}
	return got, nil
}

func (w *wait) pollsByAttempts(last bool) bool {
	return w.settings.Polling == PollingActivityRetry && !last && (!w.unconfirmed || w.SeenProcessing)
}

func (w *wait) getTaskResult(ctx workflow.Context) (answer, error) {
	var result activities.GetTaskResultOutput
	input := activities.GetTaskResultInput{TaskID: w.settings.TaskID}
	err := workflow.ExecuteActivity(ctx, activities.GetTaskResultActivity, input).Get(ctx, &result)
	return answer{Result: result.TaskResult, Polls: w.Polls + 1}, err
}

// pollTaskResult runs that activity until it ends, or until a wake-up cancels it: most of its time
// it waits for its next attempt, and then it ends at once. An attempt under way ends first.
func (w *wait) pollTaskResult(ctx workflow.Context, woken bool) (answer, error) {
	attempts, cancel := workflow.WithCancel(ctx)
	defer cancel()
	input := w.pollingInput(woken)
	activity := workflow.ExecuteActivity(attempts, activities.PollTaskResultActivity, input)
	var canceledAt time.Time
	for !activity.IsReady() && ctx.Err() == nil {
		w.untilAny(ctx, activity)
		switch {
		case !w.WakeUp, !input.HandBack, !canceledAt.IsZero():
		case workflow.Now(ctx).Equal(w.LastPollAt): // the first attempt, which has not begun, comes after this wake-up
			w.WakeUp = false
		default:
			canceledAt = workflow.Now(ctx)
			cancel()
		}
	}
	if err := ctx.Err(); err != nil && !activity.IsReady() {
		return answer{}, err // at once, without the end of an attempt under way
	}
	var got answer
	err := activity.Get(ctx, &got)
	if err == nil || canceledAt.IsZero() || ctx.Err() != nil {
		return got, err
	}
	var canceled *temporal.CanceledError
	var failure *temporal.ApplicationError
	switch {
	case errors.As(err, &canceled):
		// Nobody tells how many attempts there were. They have gone by the schedule, or they would have
		// handed back.
		got.Polls = w.Polls + w.schedule.Count(w.Polls+1, w.LastPollAt, woken, canceledAt)
		return got, nil
	case errors.As(err, &failure) && failure.Type() == activities.ErrorTypeNotReady:
		details, _ := Details(failure)
		got.Polls, got.Result.Status = max(w.Polls+1, details.Polls), twocaptcha.StatusProcessing
		return got, nil
	}
	return got, err
}

func (w *wait) activityOptions(ctx workflow.Context, last, byAttempts bool) workflow.ActivityOptions {
	left := max(w.schedule.Deadline.Sub(w.LastPollAt), 0)
	options := workflow.GetActivityOptions(ctx) // an inline wait keeps the caller's task queue and priority
	options.ActivityID = ""
	options.Summary = w.pollSummary(last, byAttempts)
	options.HeartbeatTimeout = 0
	options.StartToCloseTimeout = attemptTimeout
	options.WaitForCancellation = byAttempts
	options.RetryPolicy = &temporal.RetryPolicy{
		InitialInterval:    schedule.FirstRetryDelay,
		BackoffCoefficient: 2,
		MaximumInterval:    schedule.MaxRetryDelay,
	}
	if last {
		options.ScheduleToStartTimeout = lastPollQueueTime
		options.ScheduleToCloseTimeout = lastPollTime
		options.RetryPolicy.MaximumAttempts = lastPollAttempts
		return options
	}
	// A poll before the last one is repeated until the deadline, and then leaves the task to the last
	// poll. An attempt that has begun by then has its whole time left, so that an answer on its way is
	// not cut off.
	options.ScheduleToStartTimeout = left
	options.ScheduleToCloseTimeout = left + attemptTimeout
	return options
}

func (w *wait) pollingInput(woken bool) polling.Input {
	return polling.Input{
		TaskID:          w.schedule.TaskID,
		StartedAt:       w.schedule.StartedAt,
		InitialDelay:    polling.Duration(w.schedule.InitialDelay),
		PollInterval:    polling.Duration(w.schedule.PollInterval),
		MaxPollInterval: polling.Duration(w.schedule.MaxPollInterval),
		Deadline:        w.schedule.Deadline,
		Polls:           w.Polls,
		Soon:            woken,
		HandBack:        w.wakeUps != nil && w.Failures == 0,
		Failures:        w.Failures,
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
	if !sentNothing(err, failure) {
		w.Polls++
	}
	w.Polls = max(w.Polls, details.Polls)
	// The server ends a poll at once if the delay that its failure asks for does not fit in; the delay
	// holds all the same.
	if failure.NextRetryDelay() > 0 {
		w.NotBefore = w.LastPollEnd.Add(failure.NextRetryDelay())
	}
	if failure.Type() == activities.ErrorTypeNotReady {
		w.noteStatus(twocaptcha.StatusProcessing)
	}
}

// sentNothing tells whether a poll that ended with err, whose last attempt's failure is given, is
// known to have sent no request.
func sentNothing(err error, failure *temporal.ApplicationError) bool {
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		if timeout.TimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
			return false // an attempt may have been under way
		}
		if failure.Type() == "" {
			return timeout.Unwrap() == nil // no attempt before that one
		}
	}
	var details ErrorDetails
	notSent := polling.NotSent{Requests: -1} // unless the details have it
	return failure.HasDetails() && failure.Details(&details, &notSent) == nil && notSent.Requests == 0
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
