package harness

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// What a wait costs in history events.
const (
	CostOfFirstPoll   = 16 // the wait itself, with its first poll
	CostOfFurtherPoll = 11
	CostOfWakeUp      = 1 // beyond the poll, when the wait may poll at once
)

// History reads a run's history, as far as it goes or, with untilClosed, to its end.
func History(
	ctx context.Context, temporalClient client.Client, workflowID, runID string, untilClosed bool,
) (*historypb.History, error) {
	history := new(historypb.History)
	events := temporalClient.GetWorkflowHistory(ctx, workflowID, runID, untilClosed,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		history.Events = append(history.Events, event)
	}
	return history, nil
}

// ClosedHistory returns a run's history once the run has closed.
func ClosedHistory(t *testing.T, temporalClient client.Client, workflowID, runID string) *historypb.History {
	t.Helper()
	history, err := History(Context(t), temporalClient, workflowID, runID, true)
	require.NoError(t, err)
	return history
}

// UndisturbedHistory is a closed run's history. It requires that nothing blocked one of its
// workflow tasks, and that the client key is nowhere in it.
func UndisturbedHistory(
	t *testing.T, temporalClient client.Client, workflowID, runID string,
) []*historypb.HistoryEvent {
	t.Helper()
	history, lost := ClosedHistory(t, temporalClient, workflowID, runID), 0
	for _, event := range history.GetEvents() {
		// The server fails a workflow task that is under way when it closes the workflow itself, by
		// a timeout of its own, and one that would close the workflow while a signal came in that
		// the task did not see.
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			assert.Contains(t, []enumspb.WorkflowTaskFailedCause{
				enumspb.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND, enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
			}, failed.GetCause(), "%s", event)
		}
		// A workflow task that waited too long for the one worker that has the workflow in memory
		// is given to any worker. On a busy machine other workflow tasks may come to a worker too
		// late. A workflow that is blocked for good never closes.
		timedOut := event.GetWorkflowTaskTimedOutEventAttributes()
		if timedOut.GetTimeoutType() == enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
			lost++
			assert.LessOrEqual(t, lost, 3, "%s", event)
		}
	}
	bytes, err := history.Marshal()
	require.NoError(t, err)
	require.NotContains(t, string(bytes), ClientKey, "the client key in the history of %s", workflowID)
	return history.GetEvents()
}

// Disturbed reports whether a worker or the server was too slow, as may be on a busy machine. The
// history is not its path's then.
func Disturbed(history *historypb.History) bool {
	for _, event := range history.GetEvents() {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
			return true
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
			// A submission that has marked that it sends times out only if its path wants it to.
			timeout := event.GetActivityTaskTimedOutEventAttributes().GetFailure().GetTimeoutFailureInfo()
			if timeout.GetLastHeartbeatDetails() == nil {
				return true
			}
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			// The server handed an attempt out twice.
			if strings.Contains(event.GetActivityTaskStartedEventAttributes().GetLastFailure().GetMessage(), "not sent") {
				return true
			}
		}
	}
	return false
}

// CountOf is how many events of a type a history has.
func CountOf(history []*historypb.HistoryEvent, eventType enumspb.EventType) (count int) {
	for _, event := range history {
		if event.GetEventType() == eventType {
			count++
		}
	}
	return count
}

// FailureOf is what a closed run failed with, as every SDK reads it.
func FailureOf(t *testing.T, history []*historypb.HistoryEvent) *failurepb.Failure {
	t.Helper()
	last := history[len(history)-1]
	require.Equal(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, last.GetEventType(), "%s", last)
	return last.GetWorkflowExecutionFailedEventAttributes().GetFailure()
}

// ErrorType is an ApplicationError's type, or "" for any other failure.
func ErrorType(failure *failurepb.Failure) string {
	return failure.GetApplicationFailureInfo().GetType()
}

// ErrorDetails are an ApplicationError's details, read without this project's types.
func ErrorDetails(t *testing.T, failure *failurepb.Failure) map[string]any {
	t.Helper()
	payloads := failure.GetApplicationFailureInfo().GetDetails().GetPayloads()
	require.Len(t, payloads, 1, "%s", failure)
	require.Equal(t, "json/plain", string(payloads[0].GetMetadata()["encoding"]))
	var details map[string]any
	require.NoError(t, json.Unmarshal(payloads[0].GetData(), &details), "%s", payloads[0].GetData())
	return details
}
