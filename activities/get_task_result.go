package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// GetTaskResultInput says which task's result is asked for. It is the input of
// [Activities.GetTaskResult].
type GetTaskResultInput struct {
	// TaskID is the task whose result is asked for.
	TaskID int64 `json:"taskId"`

	problem error
}

// UnmarshalJSON accepts any JSON value. A wrong one is kept, and the activity refuses it as
// InvalidInput. An error here would reach the caller as a retryable one, and would be retried for
// ever.
func (in *GetTaskResultInput) UnmarshalJSON(data []byte) error {
	type properties GetTaskResultInput // which has no UnmarshalJSON
	var given properties
	err := json.Unmarshal(data, &given)
	*in = GetTaskResultInput(given)
	in.problem = err
	return nil
}

// GetTaskResultOutput is the service's answer on a task: Status is "processing" or "ready".
type GetTaskResultOutput struct {
	// TaskID is the task whose result was asked for.
	TaskID int64 `json:"taskId"`
	twocaptcha.TaskResult
}

// GetTaskResult sends one getTaskResult request. Its errors are ApplicationErrors, classified as
// this package's documentation tells. Schedule it with a StartToClose timeout of 30 seconds, which
// leaves room for the request's own 15, and a retry policy.
func (a *Activities) GetTaskResult(ctx context.Context, in GetTaskResultInput) (GetTaskResultOutput, error) {
	if err := in.refusal(); err != nil {
		return GetTaskResultOutput{}, err
	}
	result, err := ask(ctx, a, a.taskResult(in.TaskID))
	if err != nil {
		return GetTaskResultOutput{}, err
	}
	return GetTaskResultOutput{TaskID: in.TaskID, TaskResult: *result}, nil
}

// taskResult is the request that the activities for a task's result send.
func (a *Activities) taskResult(taskID int64) question[twocaptcha.TaskResult] {
	return question[twocaptcha.TaskResult]{
		method: GetTaskResultActivity, taskID: taskID, isPoll: true,
		send: func(ctx context.Context) (*twocaptcha.TaskResult, error) { return a.client.GetTaskResult(ctx, taskID) },
	}
}

func (in GetTaskResultInput) refusal() error {
	const takes = `it takes an integer above 0, as in {"taskId": 74372499131}`
	switch {
	case in.problem != nil:
		return newInvalidInput(in.TaskID, "the input can't be read: "+takes)
	case in.TaskID <= 0:
		return newInvalidInput(in.TaskID, fmt.Sprintf("taskId is %d or missing: %s", in.TaskID, takes))
	}
	return nil
}
