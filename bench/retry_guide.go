package main

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const retryGuideActivity = "retryGuidePoll"

// retryGuideDesign is the guide's infrequent polling: an activity that fails until the result is there, and is retried at a
// constant interval.
func retryGuideDesign() design {
	return guideDesign("retry-guide",
		"Temporal's guide, infrequent polling: an activity that fails until the task is ready, retried every 5 s",
		retryGuide, retryGuideActivity, (*guidePoller).pollOrFail)
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
