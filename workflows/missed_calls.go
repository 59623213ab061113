package workflows

import (
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/workflow"
)

// noteMissedCall counts a result that a poll has found, and of which no call has told although one
// was expected.
func (w *wait) noteMissedCall(ctx workflow.Context) {
	if !w.settings.Callback {
		return
	}
	w.receiveWakeUps(ctx) // a call may have come during the poll
	if w.Called {
		return
	}
	workflow.GetMetricsHandler(ctx).Counter(missedCallbacksMetric).Inc(1)
	if w.missed != nil {
		w.missed(ctx)
	}
}

// missedCallsWarnedEvery is the shortest time between two warnings of a worker. If calls don't
// come, none does.
const missedCallsWarnedEvery = 10 * time.Minute

// missedCalls warns of calls that don't come. One serves all workflows of a worker.
type missedCalls struct {
	warnedAt atomic.Int64 // by workflows' time, in Unix nanoseconds; 0: never
}

func (m *missedCalls) warn(ctx workflow.Context) {
	if workflow.IsReplaying(ctx) {
		return
	}
	now, warnedAt := workflow.Now(ctx).UnixNano(), m.warnedAt.Load()
	if warnedAt != 0 && now-warnedAt < int64(missedCallsWarnedEvery) || !m.warnedAt.CompareAndSwap(warnedAt, now) {
		return
	}
	workflow.GetLogger(ctx).Warn("A poll found the result of a task whose callback did not come. If none comes, register the " +
		"callback address with the account, and check that the service can reach it.")
}
