package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// What the designs of Temporal's polling guide (https://docs.temporal.io/design-patterns/polling) have in common. Each is written
// from what the guide describes, with the first delay as a start delay, which costs neither an event nor an Action.

// guideTask is what their workflows and activities take.
type guideTask struct {
	TaskID int64 `json:"taskId"`
}

// guideResult is what they return.
type guideResult struct {
	Solution json.RawMessage `json:"solution,omitempty"` // none: not ready
}

// guidePoller has their activities.
type guidePoller struct {
	service *twocaptcha.Client
}

func newGuidePoller(config provider.Config) (*guidePoller, error) {
	service, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: config.ClientKey, URL: config.APIURL})
	if err != nil {
		return nil, err
	}
	return &guidePoller{service: service}, nil
}

// ask sends one request. An error of the service is not retryable, any other is.
func (p *guidePoller) ask(ctx context.Context, task guideTask) (guideResult, error) {
	answer, err := p.service.GetTaskResult(ctx, task.TaskID)
	if refusal := new(twocaptcha.ServiceError); errors.As(err, &refusal) {
		return guideResult{}, temporal.NewNonRetryableApplicationError(refusal.Error(), refusal.Code, nil)
	}
	if err != nil {
		return guideResult{}, err
	}
	if answer.Status != twocaptcha.StatusReady {
		return guideResult{}, nil
	}
	return guideResult{Solution: answer.Solution}, nil
}

func startOfGuide(workflow string, taskID int64) start {
	return start{
		options: client.StartWorkflowOptions{
			ID:         fmt.Sprintf("%s-%d", workflow, taskID),
			TaskQueue:  taskQueue,
			StartDelay: firstDelay,
		},
		workflow: workflow,
		input:    guideTask{TaskID: taskID},
	}
}
