package main

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	heartbeatGuideActivity = "heartbeatGuidePoll"

	// heartbeatTimeout is as long as a request may take: the guide's two intervals would be shorter. The SDK sends one heartbeat in
	// 80 % of it at most, the first at once.
	heartbeatTimeout = 3 * guideInterval
)

// heartbeatGuideDesign is the guide's frequent polling: a loop in an activity, which heartbeats on every round.
func heartbeatGuideDesign() design {
	return guideDesign("heartbeat-guide",
		"Temporal's guide, frequent polling: a loop in an activity, every 5 s, with heartbeats, which are in its actions; "+
			"it holds an activity slot of its worker all the while",
		heartbeatGuide, heartbeatGuideActivity, (*guidePoller).pollInALoop)
}

func heartbeatGuide(ctx workflow.Context, task guideTask) (guideResult, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: waitTimeout,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: guideInterval, BackoffCoefficient: 1},
	})
	var result guideResult
	err := workflow.ExecuteActivity(ctx, heartbeatGuideActivity, task).Get(ctx, &result)
	return result, err
}

func (p *guidePoller) pollInALoop(ctx context.Context, task guideTask) (guideResult, error) {
	for {
		activity.RecordHeartbeat(ctx)
		result, err := p.ask(ctx, task)
		if err != nil || result.Solution != nil {
			return result, err
		}
		select {
		case <-ctx.Done():
			return guideResult{}, ctx.Err()
		case <-time.After(guideInterval):
		}
	}
}
