package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// timers are the timers that a wait has started, by when they fire. One that is not needed any more
// is forgotten, not canceled: a cancellation is an event of its own, and the wait has ended before
// such a timer fires, as a rule.
type timers struct {
	started []timer
}

type timer struct {
	due    time.Time
	future workflow.Future
}

// at returns the timer that fires at due, or false if it was not started.
func (t *timers) at(due time.Time) (timer, bool) {
	for _, each := range t.started {
		if each.due.Equal(due) {
			return each, true
		}
	}
	return timer{}, false
}

// start starts a timer that fires at due.
func (t *timers) start(ctx workflow.Context, due time.Time, summary string) timer {
	options := workflow.TimerOptions{Summary: summary}
	started := timer{due: due, future: workflow.NewTimerWithOptions(ctx, due.Sub(workflow.Now(ctx)), options)}
	t.started = append(t.started, started)
	return started
}

// keep forgets all timers but one that still runs and fires at earliest or later, and returns when
// that one fires.
func (t *timers) keep(earliest time.Time) (due time.Time, found bool) {
	for _, each := range t.started {
		if !each.future.IsReady() && !each.due.Before(earliest) {
			t.started = []timer{each}
			return each.due, true
		}
	}
	t.started = nil
	return time.Time{}, false
}
