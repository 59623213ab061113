package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestResultForACanceledParent has a parent canceled while its child waits, and another one before
// it has begun: the result is fetched for both.
func TestResultForACanceledParent(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name        string
		beforeBegun bool
	}{
		{name: "while its child waits"},
		{name: "before it has begun", beforeBegun: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			service, temporalClient, taskQueue := harness.StartSimulator(t), harness.Dial(t), harness.NewTaskQueue()
			taskID := harness.NewTaskID()
			service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
			harness.StartWorker(t, taskQueue, service.URL())
			callers := harness.NewTaskQueue()
			start := func() client.WorkflowRun {
				return startParent(t, temporalClient, callers, harness.Asleep(taskID), taskQueue)
			}
			var parent client.WorkflowRun
			if row.beforeBegun {
				parent = start()
			} else {
				harness.StartCallersOn(t, temporalClient, callers)
				parent = start()
				begunWait(t, temporalClient, taskID)
			}
			require.NoError(t, temporalClient.CancelWorkflow(harness.Context(t), parent.GetID(), ""))
			if row.beforeBegun {
				harness.StartCallersOn(t, temporalClient, callers)
			}

			require.Equal(t, workflows.Canceled, workflows.ErrorCode(parent.Get(harness.Context(t), nil)))
			require.Empty(t, service.RequestsFor(taskID), "the parent doesn't wait for the result")
			left := temporalClient.GetWorkflow(harness.Context(t), workflows.WorkflowID(taskID), "")
			harness.WakeUp(t, temporalClient, left, taskID)
			var output workflows.AwaitTaskResultOutput
			require.NoError(t, left.Get(harness.Context(t), &output))
			require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
		})
	}
}

// TestParentWithARetryPolicyRunsOnce returns what its child ended with.
func TestParentWithARetryPolicyRunsOnce(t *testing.T) {
	t.Parallel()
	service, temporalClient, taskQueue := harness.StartSimulator(t), harness.Dial(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	callers := harness.StartCallers(t, temporalClient)
	for _, row := range []struct {
		name      string
		in        func(taskID int64) workflows.AwaitTaskResultInput
		before    func(t *testing.T, taskID int64)
		meanwhile func(t *testing.T, taskID int64)
		errorType string
		says      string
	}{
		{name: "a wrong key", in: harness.Soon, errorType: "ERROR_KEY_DOES_NOT_EXIST", says: "ERROR_KEY_DOES_NOT_EXIST"},
		{name: "an invalid input", errorType: "InvalidInput", says: "pollInterval is 1s",
			in: func(taskID int64) workflows.AwaitTaskResultInput {
				return workflows.AwaitTaskResultInput{TaskID: taskID, PollInterval: time.Second}
			}},
		{name: "a wait that was terminated", in: harness.Asleep, errorType: workflows.Terminated, says: "was terminated",
			meanwhile: func(t *testing.T, taskID int64) {
				run := begunWait(t, temporalClient, taskID)
				require.NoError(t, temporalClient.TerminateWorkflow(harness.Context(t), run.GetID(), "", "by a test"))
			}},
		{name: "a wait that was canceled", in: harness.Asleep, errorType: workflows.Canceled, says: "was canceled",
			meanwhile: func(t *testing.T, taskID int64) {
				run := begunWait(t, temporalClient, taskID)
				require.NoError(t, temporalClient.CancelWorkflow(harness.Context(t), run.GetID(), ""))
			}},
		{name: "a wait that is running already", in: harness.Asleep, errorType: workflows.AlreadyRunning,
			says: "is running already",
			before: func(t *testing.T, taskID int64) {
				harness.StartWait(t, temporalClient, taskQueue, harness.Asleep(taskID))
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			taskID := harness.NewTaskID()
			service.Script(taskID, simulator.Error("ERROR_KEY_DOES_NOT_EXIST"))
			if row.before != nil {
				row.before(t, taskID)
			}
			parent := startParent(t, temporalClient, callers, row.in(taskID), taskQueue)
			if row.meanwhile != nil {
				row.meanwhile(t, taskID)
			}

			requireFailedOnce(t, temporalClient, parent, row.errorType, row.says)
			require.LessOrEqual(t, len(service.RequestsFor(taskID)), 1)
		})
	}
}

// begunWait is the wait that somebody else starts, once it has begun.
func begunWait(t *testing.T, temporalClient client.Client, taskID int64) client.WorkflowRun {
	t.Helper()
	workflowID := workflows.WorkflowID(taskID)
	require.Eventually(t, func() bool {
		_, err := temporalClient.DescribeWorkflow(context.Background(), workflowID, "")
		return err == nil
	}, harness.Patience, 10*time.Millisecond, "no wait for task %d begins", taskID)
	harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_TIMER_STARTED)
	return temporalClient.GetWorkflow(harness.Context(t), workflowID, "")
}

// startParent starts a workflow with a retry policy that waits by AwaitAsChild.
func startParent(
	t *testing.T, temporalClient client.Client, callers string, in workflows.AwaitTaskResultInput, taskQueue string,
) client.WorkflowRun {
	t.Helper()
	run, err := temporalClient.ExecuteWorkflow(harness.Context(t), client.StartWorkflowOptions{
		TaskQueue:   callers,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Millisecond, MaximumAttempts: 5},
	}, harness.AwaitAsChild, in, taskQueue)
	require.NoError(t, err)
	return run
}

func requireFailedOnce(t *testing.T, temporalClient client.Client, run client.WorkflowRun, errorType, says string) {
	t.Helper()
	history := harness.ClosedHistory(t, temporalClient, run.GetID(), run.GetRunID()).GetEvents()
	failed := history[len(history)-1].GetWorkflowExecutionFailedEventAttributes()
	require.NotNil(t, failed, "%s", history[len(history)-1])
	require.Equal(t, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE, failed.GetRetryState())
	require.Empty(t, failed.GetNewExecutionRunId(), "it is run again")
	require.Equal(t, errorType, harness.ErrorType(failed.GetFailure()))
	require.Contains(t, failed.GetFailure().GetMessage(), says)
	require.Equal(t, errorType, workflows.ErrorCode(run.Get(harness.Context(t), nil)))
}
