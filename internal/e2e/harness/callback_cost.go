package harness

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// callbackCost counts a history's events, without those of workflow tasks that a busy machine
// repeats.
type callbackCost struct {
	workflowTasks int // completed
	others        int
}

// costOfOneCallback is 16 events: 3 for each workflow task; and the start, a timer, a signal, 3 of
// an activity, and the end.
var costOfOneCallback = callbackCost{workflowTasks: 3, others: 7}

// RequireCostOfOneCallback requires that a history has no more events than that, and those of
// callbacks that were repeated.
func RequireCostOfOneCallback(t *testing.T, history []*historypb.HistoryEvent, repeated int) {
	t.Helper()
	var cost callbackCost
	for _, event := range history {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			cost.workflowTasks++
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
			enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
		default:
			cost.others++
		}
	}
	require.LessOrEqual(t, cost.workflowTasks, costOfOneCallback.workflowTasks+repeated, "workflow tasks: %s", history)
	require.LessOrEqual(t, cost.others, costOfOneCallback.others+repeated, "other events: %s", history)
}

// RequireNoTimerCanceled requires that the wait canceled no timer.
func RequireNoTimerCanceled(t *testing.T, history []*historypb.HistoryEvent) {
	t.Helper()
	for _, event := range history {
		require.NotEqual(t, enumspb.EVENT_TYPE_TIMER_CANCELED, event.GetEventType(), "%s", event)
	}
}
