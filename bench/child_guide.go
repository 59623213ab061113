package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/provider"
)

const (
	childGuidePollingWorkflow = "childGuidePolling"
	childGuideActivity        = "childGuidePoll"

	// childGuidePolls is how many polls a run of the child has before it continues as new, as in the guide.
	childGuidePolls = 10
)

// childGuideDesign is the guide's periodic sequence: a child workflow that polls by an activity, sleeps, and continues as new
// after some rounds.
func childGuideDesign() design {
	child := guideDesign("child-guide",
		"Temporal's guide, periodic sequence: a child workflow that polls every 5 s by an activity and a timer, "+
			"and continues as new after 10 polls",
		childGuide, childGuideActivity, (*guidePoller).pollOnce)
	child.continuesAsNew = true
	registerParent := child.register
	child.register = func(registry worker.Registry, service provider.Config) error {
		registry.RegisterWorkflowWithOptions(childGuidePolling, workflow.RegisterOptions{Name: childGuidePollingWorkflow})
		return registerParent(registry, service)
	}
	return child
}

func childGuide(ctx workflow.Context, task guideTask) (guideResult, error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:               fmt.Sprintf("%s-%d", childGuidePollingWorkflow, task.TaskID),
		WorkflowExecutionTimeout: waitTimeout,
	})
	var result guideResult
	err := workflow.ExecuteChildWorkflow(ctx, childGuidePollingWorkflow, task).Get(ctx, &result)
	return result, err
}

func childGuidePolling(ctx workflow.Context, task guideTask) (guideResult, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 20 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: guideInterval, BackoffCoefficient: 1},
	})
	for range childGuidePolls {
		var result guideResult
		err := workflow.ExecuteActivity(ctx, childGuideActivity, task).Get(ctx, &result)
		if err != nil || result.Solution != nil {
			return result, err
		}
		if err := workflow.Sleep(ctx, guideInterval); err != nil {
			return guideResult{}, err
		}
	}
	return guideResult{}, workflow.NewContinueAsNewError(ctx, childGuidePollingWorkflow, task)
}

func (p *guidePoller) pollOnce(ctx context.Context, task guideTask) (guideResult, error) {
	return p.ask(ctx, task)
}
