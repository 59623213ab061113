package stage

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// of is an event of that type alone.
func of(eventType enumspb.EventType) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventType: eventType}
}

// activityStarted is written when an activity ends, with the number of its last attempt.
func activityStarted(attempt int32) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
			ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{Attempt: attempt},
		},
	}
}

func TestBillableActions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		events []*historypb.HistoryEvent
		want   int
	}{
		"none": {nil, 0},
		"a workflow's start": {[]*historypb.HistoryEvent{
			of(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED),
			of(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
			of(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED),
			of(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED),
			of(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED),
		}, 1},
		"a timer, once": {[]*historypb.HistoryEvent{
			of(enumspb.EVENT_TYPE_TIMER_STARTED), of(enumspb.EVENT_TYPE_TIMER_FIRED),
		}, 1},
		"an activity": {[]*historypb.HistoryEvent{
			of(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED), activityStarted(1), of(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED),
		}, 1},
		"each attempt of an activity": {[]*historypb.HistoryEvent{
			of(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED), activityStarted(4), of(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED),
		}, 4},
		"an activity that has not begun": {[]*historypb.HistoryEvent{of(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)}, 0},
		"a signal":                       {[]*historypb.HistoryEvent{of(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)}, 1},
		"a child, whose own start is in its own history": {[]*historypb.HistoryEvent{
			of(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED),
			of(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED),
			of(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED),
		}, 1},
		"continuing as new, which is the next run's start": {[]*historypb.HistoryEvent{
			of(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW),
		}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actions := 0
			for _, event := range test.events {
				actions += billableActions(event)
			}
			require.Equal(t, test.want, actions)
		})
	}
}
