package stage

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// footprint is what a wait has left on the Temporal server.
type footprint struct {
	events  int
	actions int // billable, except heartbeats
}

// add adds the history of a run that has closed, and those of the runs it continued as and of its
// children. It returns when the last run closed.
func (f *footprint) add(ctx context.Context, temporalClient client.Client, workflowID, runID string) (closed time.Time, err error) {
	events := temporalClient.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() && err == nil {
		event, nextErr := events.Next()
		if nextErr != nil {
			return closed, fmt.Errorf("the history of workflow %s: %w", workflowID, nextErr)
		}
		f.events++
		f.actions += billableActions(event)
		closed = event.GetEventTime().AsTime()
		if next := event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId(); next != "" {
			closed, err = f.add(ctx, temporalClient, workflowID, next)
		}
		if child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
			_, err = f.add(ctx, temporalClient, child.WorkflowId, child.RunId)
		}
	}
	return closed, err
}

// billableActions counts what Temporal Cloud bills as Actions for an event, by the rules of
// https://docs.temporal.io/cloud/actions, as far as the designs here cause any:
//
//   - a workflow started, whether by a client, as a child or by continue-as-new: each run's own start;
//   - a child workflow, two: the one above, and one in the parent, which records the child's start;
//   - a timer started;
//   - an activity started or retried: each attempt, of which the history has the number of the last;
//   - a signal sent.
//
// A start delay, a workflow task, summaries and details are not billed. Heartbeats that reach the
// server are, but no history has them: workers count those that they send.
func billableActions(event *historypb.HistoryEvent) int {
	switch event.EventType {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		return 1
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		return int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
	}
	return 0
}
