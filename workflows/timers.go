package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// timer is a durable timer and when it fires.
type timer struct {
	due    time.Time
	future workflow.Future
	cancel workflow.CancelFunc
}

func newTimer(ctx workflow.Context, due time.Time, summary string) *timer {
	ctx, cancel := workflow.WithCancel(ctx)
	return &timer{
		due:    due,
		future: workflow.NewTimerWithOptions(ctx, due.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: summary}),
		cancel: cancel,
	}
}

func (t *timer) isRunning() bool {
	return t != nil && !t.future.IsReady()
}
