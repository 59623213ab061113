package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// minSpacing is the service's rule on two requests for one task.
const minSpacing = 5 * time.Second

// startWait starts the wait for one task through a client.
func startWait(t *testing.T, temporal client.Client, taskQueue string, input workflows.AwaitTaskResultInput) client.WorkflowRun {
	t.Helper()
	run, err := beginWait(testContext(t), temporal, taskQueue, input)
	require.NoError(t, err)
	return run
}

// beginWait is startWait for goroutines other than the test's own, which must not end the test.
func beginWait(
	ctx context.Context, temporal client.Client, taskQueue string, input workflows.AwaitTaskResultInput,
) (client.WorkflowRun, error) {
	options := workflows.StartOptions(input.TaskID)
	options.TaskQueue = taskQueue
	return temporal.ExecuteWorkflow(ctx, options, workflows.AwaitTaskResultWorkflow, input)
}

// wakeUp signals a wait to poll now.
func wakeUp(t *testing.T, temporal client.Client, run client.WorkflowRun, taskID int64) {
	t.Helper()
	require.NoError(t, temporal.SignalWorkflow(testContext(t), run.GetID(), run.GetRunID(), workflows.TaskCallbackSignal,
		workflows.TaskCallback{TaskID: taskID}))
}

func requireNotStarted(t *testing.T, temporal client.Client, workflowID string) {
	t.Helper()
	_, err := temporal.DescribeWorkflow(testContext(t), workflowID, "")
	require.ErrorAs(t, err, new(*serviceerror.NotFound), "%s was started", workflowID)
}

// undisturbedHistory is a closed run's history, once it is known that nothing blocked one of its workflow tasks, and that the
// client key is nowhere in it.
func undisturbedHistory(t *testing.T, temporal client.Client, workflowID, runID string) []*historypb.HistoryEvent {
	t.Helper()
	history, lost := new(historypb.History), 0
	events := temporal.GetWorkflowHistory(testContext(t), workflowID, runID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)

		// The server fails a task that is under way when it closes the workflow itself, by a timeout of its own, and one that would
		// close the workflow while a signal came in that it has not seen.
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			assert.Contains(t, []enumspb.WorkflowTaskFailedCause{
				enumspb.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND, enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
			}, failed.GetCause(), "%s", event)
		}
		// A task that waited too long for the one worker that has the workflow in memory is given to any. On a busy machine
		// others may come to a worker too late. A workflow that is blocked for good never closes.
		if timedOut := event.GetWorkflowTaskTimedOutEventAttributes(); timedOut.GetTimeoutType() == enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
			lost++
			assert.LessOrEqual(t, lost, 3, "%s", event)
		}
	}
	bytes, err := history.Marshal()
	require.NoError(t, err)
	require.NotContains(t, string(bytes), clientKey, "the client key in the history of %s", workflowID)
	return history.GetEvents()
}

// failureOf is what a closed run failed with, as every SDK reads it.
func failureOf(t *testing.T, history []*historypb.HistoryEvent) *failurepb.Failure {
	t.Helper()
	last := history[len(history)-1]
	require.Equal(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, last.GetEventType(), "%s", last)
	return last.GetWorkflowExecutionFailedEventAttributes().GetFailure()
}

// errorDetails are an ApplicationError's details as a reader without this project's types has them.
func errorDetails(t *testing.T, failure *failurepb.Failure) map[string]any {
	t.Helper()
	payloads := failure.GetApplicationFailureInfo().GetDetails().GetPayloads()
	require.Len(t, payloads, 1, "%s", failure)
	return jsonObject(t, payloads[0])
}

func jsonObject(t *testing.T, payload *commonpb.Payload) map[string]any {
	t.Helper()
	require.Equal(t, "json/plain", string(payload.GetMetadata()["encoding"]))
	var object map[string]any
	require.NoError(t, json.Unmarshal(payload.GetData(), &object), "%s", payload.GetData())
	return object
}

// requireSpaced requires that no two requests for a task were less than 5 seconds apart.
func requireSpaced(t *testing.T, service *simulator.Server, taskID int64) {
	t.Helper()
	requests := service.RequestsFor(taskID)
	for i := 1; i < len(requests); i++ {
		require.GreaterOrEqual(t, requests[i].Arrived.Sub(requests[i-1].Arrived), minSpacing,
			"between the requests %d and %d for task %d", i, i+1, taskID)
	}
}

// requireFailedAttempt requires that a poll's attempt failed in a way that may pass. The worker's log has it: a history keeps
// no failures of single attempts.
func requireFailedAttempt(t *testing.T, worker *process, taskID int64, errorType, says string) {
	t.Helper()
	attempt := fmt.Sprintf("task %d: getTaskResult: ", taskID)
	for line := range strings.Lines(worker.stderr.String()) {
		text := strings.ReplaceAll(line, `\"`, `"`)
		if strings.Contains(text, attempt) && strings.Contains(text, says) &&
			strings.Contains(text, "(type: "+errorType+", retryable: true)") {
			return
		}
	}
	require.FailNow(t, "no such attempt", "task %d: no attempt failed with the type %s and %s", taskID, errorType, says)
}
