package main

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/provider"
)

const (
	retryGuideWorkflow = "retryGuide"
	retryGuideActivity = "retryGuidePoll"
)

// retryGuideDesign is the guide's infrequent polling: an activity that fails until the result is there, and is retried at a
// constant interval.
func retryGuideDesign() design {
	return design{
		name:            "retry-guide",
		note:            "Temporal's guide, infrequent polling: an activity that fails until the task is ready, retried every 5 s",
		slowestInterval: guideInterval,
		start:           func(taskID int64) start { return startOfGuide(retryGuideWorkflow, taskID) },
		register: func(registry worker.Registry, service provider.Config) error {
			poller, err := newGuidePoller(service)
			if err != nil {
				return err
			}
			registry.RegisterWorkflowWithOptions(retryGuide, workflow.RegisterOptions{Name: retryGuideWorkflow})
			registry.RegisterActivityWithOptions(poller.pollOrFail, activity.RegisterOptions{Name: retryGuideActivity})
			return nil
		},
	}
}

func retryGuide(ctx workflow.Context, task guideTask) (guideResult, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    20 * time.Second,
		ScheduleToCloseTimeout: waitTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: guideInterval, BackoffCoefficient: 1},
	})
	var result guideResult
	err := workflow.ExecuteActivity(ctx, retryGuideActivity, task).Get(ctx, &result)
	return result, err
}

func (p *guidePoller) pollOrFail(ctx context.Context, task guideTask) (guideResult, error) {
	result, err := p.ask(ctx, task)
	if err == nil && result.Solution == nil {
		err = temporal.NewApplicationErrorWithOptions("not ready", "NotReady",
			temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	return result, err
}
