package activities

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// pollTaskResult polls by its own attempts, each of which sends one getTaskResult request: while
// the task is processing, an attempt ends with the retryable type NotReady and the delay until the
// schedule's next poll. The activity ends without an error before the last poll, which is an
// activity of its own.
func (a *Activities) pollTaskResult(ctx context.Context, in polling.Input) (polling.Output[twocaptcha.TaskResult], error) {
	begun := time.Now()
	if err := (GetTaskResultInput{TaskID: in.TaskID, problem: in.Problem()}).refusal(); err != nil {
		return polling.Output[twocaptcha.TaskResult]{}, err
	}
	attempt := a.attempt(ctx)
	requests := requestsBefore(ctx) + 1
	output := polling.Output[twocaptcha.TaskResult]{Polls: in.Polls + requests}

	question := a.taskResult(in.TaskID)
	question.polls = func(requests int) int { return in.Polls + requests }
	var failures int
	var retryDelay time.Duration
	question.retryDelay = func(asked time.Duration, unsent bool) time.Duration {
		failures = max(attemptsBefore(ctx).Failures, in.Failures) + 1
		record(ctx, unsent, failures)
		retryDelay = cmp.Or(asked, schedule.RetryDelay(failures, schedule.MaxRetryDelay))
		return retryDelay
	}
	question.heldBack = func(delay time.Duration) {
		failures, retryDelay = max(attemptsBefore(ctx).Failures, in.Failures, 1), delay
	}
	result, err := ask(ctx, a, question)
	switch {
	case err != nil && in.HandBack && retryDelay > schedule.MinInterval:
		details := detailsOf(err)
		output.Polls, output.LastError = details.Polls, details.LastError
		output.Failures, output.RetryDelay = failures, polling.Duration(retryDelay)
		return output, nil
	case err != nil:
		return polling.Output[twocaptcha.TaskResult]{}, err
	}
	record(ctx, false, 0)

	// All times are the Temporal server's, by whose clock the schedule goes: the worker's may differ.
	plan, ended := planOf(in), attempt.StartedTime.Add(time.Since(begun))
	next := plan.Next(output.Polls+1, ended, time.Time{})
	if in.Soon && requests == 1 {
		next = plan.Soon(ended, time.Time{})
	}
	output.Last = plan.IsLast(attempt.StartedTime)
	if output.Last || plan.IsLast(next) || in.Failures > 0 || result.Status != twocaptcha.StatusProcessing {
		output.Result = *result
		return output, nil
	}
	delay := next.Sub(ended)
	return polling.Output[twocaptcha.TaskResult]{}, newAttemptError(
		fmt.Sprintf("not ready, the next poll is due in %s", delay.Round(time.Millisecond)),
		ErrorTypeNotReady, class{retryable: true, delay: delay, benign: true},
		ErrorDetails{TaskID: in.TaskID, Polls: output.Polls, LastStatus: result.Status})
}

func planOf(in polling.Input) schedule.Schedule {
	return schedule.Schedule{
		TaskID: in.TaskID, StartedAt: in.StartedAt, InitialDelay: time.Duration(in.InitialDelay),
		PollInterval: time.Duration(in.PollInterval), MaxPollInterval: time.Duration(in.MaxPollInterval),
		Deadline: in.Deadline,
	}
}
