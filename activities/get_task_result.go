package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// GetTaskResultActivity is the activity type of [Activities.GetTaskResult].
const GetTaskResultActivity = "getTaskResult"

// GetTaskResultInput says which task is asked for.
type GetTaskResultInput struct {
	TaskID int64 `json:"taskId"`

	problem error
}

// UnmarshalJSON accepts any JSON value. A wrong one is kept and refused by the activity as InvalidInput; an error here would
// reach the caller as a retryable one, and be retried for ever.
func (in *GetTaskResultInput) UnmarshalJSON(data []byte) error {
	var properties struct {
		TaskID int64 `json:"taskId"`
	}
	err := json.Unmarshal(data, &properties)
	*in = GetTaskResultInput{TaskID: properties.TaskID, problem: err}
	return nil
}

// GetTaskResultOutput is the service's answer on a task: Status is "processing" or "ready".
type GetTaskResultOutput struct {
	TaskID int64 `json:"taskId"`
	twocaptcha.TaskResult
}

// Activities are the API's methods for one account. They are safe for concurrent use.
type Activities struct {
	client *twocaptcha.Client
}

// New returns activities that send their requests through client.
func New(client *twocaptcha.Client) *Activities {
	return &Activities{client: client}
}

// Register registers every activity under its API method's name.
func (a *Activities) Register(registry interface {
	RegisterActivityWithOptions(any, activity.RegisterOptions)
}) {
	registry.RegisterActivityWithOptions(a.GetTaskResult, activity.RegisterOptions{Name: GetTaskResultActivity})
}

// GetTaskResult sends one getTaskResult request. Its errors are ApplicationErrors, classified as this package's documentation
// tells. Schedule it with a StartToClose timeout of about 20 seconds, above the request's own 15.
func (a *Activities) GetTaskResult(ctx context.Context, in GetTaskResultInput) (GetTaskResultOutput, error) {
	if err := in.refusal(); err != nil {
		return GetTaskResultOutput{}, err
	}
	ctx, cancel, err := withinAttempt(ctx, in.TaskID)
	if err != nil {
		return GetTaskResultOutput{}, err
	}
	defer cancel()
	if err := notBeforeDue(ctx, in.TaskID); err != nil {
		return GetTaskResultOutput{}, err
	}
	result, err := a.client.GetTaskResult(ctx, in.TaskID)
	if err != nil {
		return GetTaskResultOutput{}, classify(in.TaskID, err)
	}
	return GetTaskResultOutput{TaskID: in.TaskID, TaskResult: *result}, nil
}

func (in GetTaskResultInput) refusal() error {
	const takes = `it takes an integer above 0, as in {"taskId": 74372499131}`
	switch {
	case in.problem != nil:
		return newInvalidInput(in.TaskID, "taskId can't be read from the input: "+takes)
	case in.TaskID <= 0:
		return newInvalidInput(in.TaskID, fmt.Sprintf("taskId is %d or missing: %s", in.TaskID, takes))
	}
	return nil
}

// withinAttempt bounds ctx by the end of this attempt as the server sees it. A worker that was stopped and goes on later
// runs old attempts under a fresh deadline; meanwhile the server has given such an attempt up, and another may have
// sent its request, so that a late one would come too close to it.
func withinAttempt(ctx context.Context, taskID int64) (context.Context, context.CancelFunc, error) {
	attempt := activity.GetInfo(ctx)
	if attempt.StartToCloseTimeout <= 0 {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	end := attempt.StartedTime.Add(attempt.StartToCloseTimeout)
	if late := time.Since(end); late >= 0 {
		return nil, nil, notSent(taskID, 0, fmt.Sprintf("this attempt began %s ago and had %s; the worker was stopped meanwhile, "+
			"or its clock is ahead of the Temporal server's",
			(late+attempt.StartToCloseTimeout).Round(time.Millisecond), attempt.StartToCloseTimeout))
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	return ctx, cancel, nil
}
