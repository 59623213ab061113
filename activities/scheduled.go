package activities

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// scheduled makes of one request's outcome, which took that long, the outcome of an attempt that is a poll by the input's
// schedule. A task that is processing is an error here, since the server repeats nothing else, with the delay until the next
// poll. The last poll ends the activity without an error where another would repeat it.
func scheduled(in GetTaskResultInput, attempt activity.Info, took time.Duration, result *twocaptcha.TaskResult, err error) (
	GetTaskResultOutput, error,
) {
	// All times are the Temporal server's, by whose clock the schedule goes: the worker's may differ.
	last := in.Schedule.IsLast(attempt.StartedTime)
	ended := attempt.StartedTime.Add(took)
	polls := in.pollsWith(attempt)
	details := ErrorDetails{TaskID: in.TaskID, Polls: polls}

	var failure *temporal.ApplicationError
	switch {
	case err != nil:
		err = classify(err, details)
		if last && errors.As(err, &failure) && !failure.NonRetryable() {
			return GetTaskResultOutput{TaskID: in.TaskID, Polls: polls, LastError: failure.Message()}, nil
		}
		return GetTaskResultOutput{}, err
	case last, result.Status != twocaptcha.StatusProcessing:
		return GetTaskResultOutput{TaskID: in.TaskID, TaskResult: *result, Polls: polls}, nil
	}
	delay := in.Schedule.Next(polls+1, ended, time.Time{}).Sub(ended)
	details.LastStatus = result.Status
	return GetTaskResultOutput{}, newError(
		fmt.Sprintf("task %d: not ready, to be asked for again in %s", in.TaskID, delay.Round(time.Millisecond)),
		ErrorTypeNotReady, class{retryable: true, delay: delay, benign: true}, 0, details)
}

// pollsWith is how many polls the schedule has had with that attempt, each of which is one; without a schedule it is 0.
func (in GetTaskResultInput) pollsWith(attempt activity.Info) int {
	if in.Schedule == nil {
		return 0
	}
	return in.Polls + int(attempt.Attempt)
}
