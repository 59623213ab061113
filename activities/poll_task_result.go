package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// pollTaskResult polls by its own attempts, each of which sends one getTaskResult request: while
// the task is processing, an attempt ends with the retryable type NotReady and the delay until the
// schedule's next poll. The last poll ends the activity without an error if another attempt would
// repeat it.
func (a *Activities) pollTaskResult(ctx context.Context, in polling.Input) (polling.Output[twocaptcha.TaskResult], error) {
	begun := time.Now()
	if err := (GetTaskResultInput{TaskID: in.TaskID, problem: in.Problem()}).refusal(); err != nil {
		return polling.Output[twocaptcha.TaskResult]{}, err
	}
	plan := schedule.Schedule{
		TaskID: in.TaskID, StartedAt: in.StartedAt, InitialDelay: time.Duration(in.InitialDelay),
		PollInterval: time.Duration(in.PollInterval), MaxPollInterval: time.Duration(in.MaxPollInterval),
		Deadline: in.Deadline,
	}
	attempt := activity.GetInfo(ctx)
	polls := in.Polls + int(attempt.Attempt)
	result, err := a.askForResult(ctx, in.TaskID, polls)

	// All times are the Temporal server's, by whose clock the schedule goes: the worker's may differ.
	ended := attempt.StartedTime.Add(time.Since(begun))
	output := polling.Output[twocaptcha.TaskResult]{Polls: polls, Last: plan.IsLast(attempt.StartedTime)}
	var failed *temporal.ApplicationError
	switch {
	case errors.As(err, &failed) && output.Last && !failed.NonRetryable():
		output.LastError = lastError(failed)
		return output, nil
	case err != nil:
		return polling.Output[twocaptcha.TaskResult]{}, err
	case output.Last, result.Status != twocaptcha.StatusProcessing:
		output.Result = *result
		return output, nil
	}
	delay := plan.Next(polls+1, ended, time.Time{}).Sub(ended)
	return polling.Output[twocaptcha.TaskResult]{}, newAttemptError(
		fmt.Sprintf("not ready, the next poll is due in %s", delay.Round(time.Millisecond)),
		ErrorTypeNotReady, class{retryable: true, delay: delay, benign: true},
		ErrorDetails{TaskID: in.TaskID, Polls: polls, LastStatus: result.Status})
}

// lastError returns what one of this package's errors says without the task.
func lastError(failed *temporal.ApplicationError) string {
	var details ErrorDetails
	_ = failed.Details(&details) // this process has made them
	return details.LastError
}
