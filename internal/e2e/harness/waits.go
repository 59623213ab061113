package harness

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Soon is a wait that polls for the first time at once.
func Soon(taskID int64) workflows.AwaitTaskResultInput {
	return workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond}
}

// Asleep is a wait that polls when it is woken up: its own first poll is an hour away.
func Asleep(taskID int64) workflows.AwaitTaskResultInput {
	return workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Hour, Timeout: 2 * time.Hour}
}

// UntilCalledBack is a wait that polls when a callback comes: its own first poll is an hour away.
func UntilCalledBack(taskID int64) workflows.AwaitTaskResultInput {
	in := Asleep(taskID)
	in.Callback = true
	return in
}

// StartWait starts the wait for one task through a client.
func StartWait(
	t *testing.T, temporalClient client.Client, taskQueue string, input workflows.AwaitTaskResultInput,
) client.WorkflowRun {
	t.Helper()
	run, err := BeginWait(Context(t), temporalClient, taskQueue, input)
	require.NoError(t, err)
	return run
}

// BeginWait is StartWait for goroutines other than the test's own, which must not end the test.
func BeginWait(
	ctx context.Context, temporalClient client.Client, taskQueue string, input workflows.AwaitTaskResultInput,
) (client.WorkflowRun, error) {
	options := workflows.StartOptions(input.TaskID)
	options.TaskQueue = taskQueue
	return temporalClient.ExecuteWorkflow(ctx, options, workflows.AwaitTaskResultWorkflow, input)
}

// WakeUp signals a wait to poll now.
func WakeUp(t *testing.T, temporalClient client.Client, run client.WorkflowRun, taskID int64) {
	t.Helper()
	require.NoError(t, temporalClient.SignalWorkflow(Context(t), run.GetID(), run.GetRunID(), workflows.TaskCallbackSignal,
		workflows.TaskCallback{TaskID: taskID}))
}

// StatusOf waits until the workflow has seen everything that was sent to it so far.
func StatusOf(t *testing.T, temporalClient client.Client, run client.WorkflowRun) workflows.AwaitTaskResultStatus {
	t.Helper()
	var answer converter.EncodedValue
	require.Eventually(t, func() bool { // a busy server may find no worker for a while
		var err error
		answer, err = temporalClient.QueryWorkflow(context.Background(), run.GetID(), run.GetRunID(),
			workflows.StatusQuery)
		return err == nil
	}, Patience, 50*time.Millisecond, "the status query is not answered")
	var status workflows.AwaitTaskResultStatus
	require.NoError(t, answer.Get(&status))
	return status
}

// WaitForFailedAttempt returns the run's poll once an attempt of it has failed and the next one is
// due later. An attempt that has timed out does not count: a busy server lost it on its way to a
// worker.
func WaitForFailedAttempt(t *testing.T, temporalClient client.Client, run client.WorkflowRun) *workflowpb.PendingActivityInfo {
	t.Helper()
	var pending *workflowpb.PendingActivityInfo
	require.Eventually(t, func() bool {
		description, err := temporalClient.DescribeWorkflow(context.Background(), run.GetID(), run.GetRunID())
		if err != nil || len(description.RawResponse.GetPendingActivities()) != 1 {
			return false
		}
		pending = description.RawResponse.GetPendingActivities()[0]
		return pending.GetLastFailure().GetApplicationFailureInfo() != nil &&
			pending.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
	}, Patience, 50*time.Millisecond, "no attempt of %s fails", run.GetID())
	return pending
}

// WaitForEvents returns once the history of the task's wait has events of these types in this
// order: the last of them. It needs no worker.
func WaitForEvents(
	t *testing.T, temporalClient client.Client, taskID int64, types ...enumspb.EventType,
) *historypb.HistoryEvent {
	t.Helper()
	return WaitForEventsOf(t, temporalClient, workflows.WorkflowID(taskID), "", types...)
}

// WaitForEventsOf is WaitForEvents for a run of any workflow; "": the current one.
func WaitForEventsOf(
	t *testing.T, temporalClient client.Client, workflowID, runID string, types ...enumspb.EventType,
) *historypb.HistoryEvent {
	t.Helper()
	const longPoll = true
	events := temporalClient.GetWorkflowHistory(Context(t), workflowID, runID, longPoll,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err, "waiting for %s", types)
		if event.GetEventType() == types[0] {
			types = types[1:]
		}
		if len(types) == 0 {
			return event
		}
	}
	require.FailNow(t, "the workflow has closed", "without %s", types)
	return nil
}

// RequireNotStarted requires that there is no such workflow.
func RequireNotStarted(t *testing.T, temporalClient client.Client, workflowID string) {
	t.Helper()
	_, err := temporalClient.DescribeWorkflow(Context(t), workflowID, "")
	require.ErrorAs(t, err, new(*serviceerror.NotFound), "%s was started", workflowID)
}
