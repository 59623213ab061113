package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// timer is a durable timer and when it fires.
type timer struct {
	due    time.Time
	future workflow.Future
}

func newTimer(ctx workflow.Context, due time.Time, summary string) *timer {
	options := workflow.TimerOptions{Summary: summary}
	return &timer{due: due, future: workflow.NewTimerWithOptions(ctx, due.Sub(workflow.Now(ctx)), options)}
}

func (t *timer) isRunning() bool {
	return t != nil && !t.future.IsReady()
}
