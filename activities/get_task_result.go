package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// GetTaskResultActivity is the activity type of [Activities.GetTaskResult].
const GetTaskResultActivity = "getTaskResult"

// GetTaskResultInput says which task is asked for. Only TaskID is required.
type GetTaskResultInput struct {
	TaskID int64 `json:"taskId"`
	// Schedule has the activity ask by its own attempts, each of which is a poll: while the task is processing, an attempt ends
	// with NotReady, and the next one comes when the schedule's next poll is due. nil is one poll, whose answer may be that the
	// task is processing. It is for this project's workflows.
	Schedule *schedule.Schedule `json:"schedule,omitempty"`
	// Polls is how many polls the schedule has had before this activity.
	Polls int `json:"polls,omitempty"`

	problem error
}

// UnmarshalJSON accepts any JSON value. A wrong one is kept and refused by the activity as InvalidInput; an error here would
// reach the caller as a retryable one, and be retried for ever.
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
	TaskID int64 `json:"taskId"`
	twocaptcha.TaskResult
	// Polls is how many polls the schedule has had; without one it is left out. A task that is not ready had its last one.
	Polls int `json:"polls,omitempty"`
	// LastError is what the schedule's last poll failed with; there is no status then.
	LastError string `json:"lastError,omitempty"`
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
	begun := time.Now()
	if err := in.refusal(); err != nil {
		return GetTaskResultOutput{}, err
	}
	ctx, cancel, err := withinAttempt(ctx, in)
	if err != nil {
		return GetTaskResultOutput{}, err
	}
	defer cancel()
	if err := notBeforeDue(ctx, in); err != nil {
		return GetTaskResultOutput{}, err
	}
	result, err := a.client.GetTaskResult(ctx, in.TaskID)
	switch {
	case in.Schedule != nil:
		return scheduled(in, activity.GetInfo(ctx), time.Since(begun), result, err)
	case err != nil:
		return GetTaskResultOutput{}, classify(err, ErrorDetails{TaskID: in.TaskID})
	}
	return GetTaskResultOutput{TaskID: in.TaskID, TaskResult: *result}, nil
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

// withinAttempt bounds ctx by the end of this attempt as the server sees it. A worker that was stopped and goes on later
// runs old attempts under a fresh deadline; meanwhile the server has given such an attempt up, and another may have
// sent its request, so that a late one would come too close to it.
func withinAttempt(ctx context.Context, in GetTaskResultInput) (context.Context, context.CancelFunc, error) {
	attempt := activity.GetInfo(ctx)
	if attempt.StartToCloseTimeout <= 0 {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	end := attempt.StartedTime.Add(attempt.StartToCloseTimeout)
	if late := time.Since(end); late >= 0 {
		return nil, nil, notSent(in, attempt, 0, fmt.Sprintf("this attempt began %s ago and had %s; the worker was stopped meanwhile, "+
			"or its clock is ahead of the Temporal server's",
			(late+attempt.StartToCloseTimeout).Round(time.Millisecond), attempt.StartToCloseTimeout))
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	return ctx, cancel, nil
}
