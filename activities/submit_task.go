package activities

import (
	"context"
	"encoding/json"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// submitTask is createTask for the workflow SolveTask: one submission in one attempt. The service
// gets an address whose calls wake that workflow. If the attempt is over when its answer is to be
// reported, the workflow hears of the task by a signal.
//
// Its input is JSON whatever the data converter, since the task must stay as it is.
func (a *Activities) submitTask(ctx context.Context, input converter.RawValue) (submission.Output, error) {
	var in submission.Input
	var problem error
	if json.Unmarshal(input.Payload().GetData(), &in) != nil || in.Problem() != nil {
		problem = errors.New("the input of a submission can't be read") // it may hold what is secret
	} else if in.Submission == "" {
		problem = errors.New("the input of a submission lacks its name")
	}
	attempt := activity.GetInfo(ctx)
	p := purchase{
		request: twocaptcha.CreateTaskRequest{Task: in.Task, LanguagePool: in.LanguagePool, SoftID: in.SoftID},
		mark:    submission.Mark{Submission: in.Submission, Callback: in.Callback && a.callbackAddress != nil},
		signals: true,
	}
	if err := p.refusal(ctx, problem); err != nil {
		return submission.Output{}, err
	}
	if repeatsAnother(attempt, in) {
		return submission.Output{}, p.failure().outcomeUnknown("this run of the workflow repeats another run, which may have " +
			"submitted the task; createTask was not called again")
	}
	if p.mark.Callback {
		address, err := a.callbackAddress(attempt.WorkflowExecution.ID, in.Submission)
		if err != nil {
			return submission.Output{}, newAttemptError(CreateTaskActivity+": not sent: no callback address can be made for this "+
				"workflow; start it with \"disableCallback\": true", ErrorTypeNotSubmitted, verdict, ErrorDetails{})
		}
		p.request.CallbackURL = address
	}
	return buy(ctx, a, p, func(bought *twocaptcha.CreateTaskResult) submission.Output {
		return submission.Output{TaskID: bought.TaskID, Result: bought.Result, Callback: p.mark.Callback}
	})
}

// repeatsAnother tells whether the workflow's run is a reset one, or one by a workflow's retry
// policy: the run that it repeats may have submitted the task. In the SDK's test environments no
// run has an original.
func repeatsAnother(attempt activity.Info, in submission.Input) bool {
	original := in.OriginalRunID
	if original == "" && isTestEnvironment(attempt) {
		original = attempt.WorkflowExecution.RunID
	}
	return in.WorkflowAttempt > 1 || original != attempt.WorkflowExecution.RunID
}
