package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

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

// guidePoll is what such a design's activity does.
type guidePoll func(p *guidePoller, ctx context.Context, task guideTask) (guideResult, error)

// guideDesign is served by a workflow, of the name of the design, and by the activity by which it polls.
func guideDesign(name, note string, definition any, activityName string, poll guidePoll) design {
	return design{
		name:            name,
		note:            note,
		slowestInterval: guideInterval,
		start:           func(taskID int64) start { return startOfGuide(name, taskID) },
		register: func(registry worker.Registry, service provider.Config) error {
			poller, err := newGuidePoller(service)
			if err != nil {
				return err
			}
			registry.RegisterWorkflowWithOptions(definition, workflow.RegisterOptions{Name: name})
			ask := func(ctx context.Context, task guideTask) (guideResult, error) { return poll(poller, ctx, task) }
			registry.RegisterActivityWithOptions(ask, activity.RegisterOptions{Name: activityName})
			return nil
		},
	}
}

func startOfGuide(name string, taskID int64) start {
	return start{
		options: client.StartWorkflowOptions{
			ID:         fmt.Sprintf("%s-%d", name, taskID),
			TaskQueue:  taskQueue,
			StartDelay: firstDelay,
		},
		workflow: name,
		input:    guideTask{TaskID: taskID},
	}
}
