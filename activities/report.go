package activities

import (
	"context"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// ReportInput says which task is reported on. It is the input of [Activities.ReportCorrect] and
// [Activities.ReportIncorrect].
type ReportInput GetTaskResultInput

// UnmarshalJSON accepts any JSON value, as that of [GetTaskResultInput] does.
func (in *ReportInput) UnmarshalJSON(data []byte) error {
	return (*GetTaskResultInput)(in).UnmarshalJSON(data)
}

// ReportOutput is the service's answer to a report: Status is "success".
type ReportOutput struct {
	// TaskID is the task that was reported on.
	TaskID int64 `json:"taskId"`
	twocaptcha.ReportResult
}

// ReportCorrect sends one reportCorrect request: the task's solution was right. The service takes
// one report for a task, within 15 minutes. Its errors are as those of [Activities.GetTaskResult].
// After a lost answer, a repeat may be refused because the service has the report already. Schedule
// it with a StartToClose timeout of 30 seconds, and a retry policy with few attempts.
func (a *Activities) ReportCorrect(ctx context.Context, in ReportInput) (ReportOutput, error) {
	return a.report(ctx, in, ReportCorrectActivity, a.client.ReportCorrect)
}

// ReportIncorrect sends one reportIncorrect request: the task's solution was wrong. Otherwise it is
// as [Activities.ReportCorrect].
func (a *Activities) ReportIncorrect(ctx context.Context, in ReportInput) (ReportOutput, error) {
	return a.report(ctx, in, ReportIncorrectActivity, a.client.ReportIncorrect)
}

func (a *Activities) report(
	ctx context.Context, in ReportInput, method string,
	send func(ctx context.Context, taskID int64) (*twocaptcha.ReportResult, error),
) (ReportOutput, error) {
	if err := GetTaskResultInput(in).refusal(); err != nil {
		return ReportOutput{}, err
	}
	result, err := ask(ctx, a, question[twocaptcha.ReportResult]{
		method: method, taskID: in.TaskID,
		send: func(ctx context.Context) (*twocaptcha.ReportResult, error) { return send(ctx, in.TaskID) },
	})
	if err != nil {
		return ReportOutput{}, err
	}
	return ReportOutput{TaskID: in.TaskID, ReportResult: *result}, nil
}
