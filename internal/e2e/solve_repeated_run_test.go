package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// resetToItsBeginning resets the run to before its submission, and returns the new run.
func resetToItsBeginning(
	t *testing.T, temporalClient client.Client, namespace string, run client.WorkflowRun,
) client.WorkflowRun {
	t.Helper()
	const firstWorkflowTask = 4 // the event that completes it
	reset, err := temporalClient.ResetWorkflowExecution(harness.Context(t), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 namespace,
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		WorkflowTaskFinishEventId: firstWorkflowTask,
		RequestId:                 run.GetRunID(),
	})
	require.NoError(t, err)
	return temporalClient.GetWorkflow(harness.Context(t), run.GetID(), reset.GetRunId())
}

// A workflow that is reset to before its submission does not buy again. It learns of the task of
// the run that it repeats if the service calls, or has called.
func TestSolveTaskThatIsReset(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		isCalled bool
		// beforeTheCall tells that it is reset before the task is solved, else when the workflow has
		// closed.
		beforeTheCall bool
	}{
		{name: "closed, with no address to call"},
		{name: "waiting, with no address to call", beforeTheCall: true},
		{name: "closed, after the call", isCalled: true},
		{name: "waiting, before the call", isCalled: true, beforeTheCall: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			service := startSubmittable(t, simulator.ReadyAfter(15*time.Second, `{"text":"4"}`))
			temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
			if row.isCalled {
				harness.StartCalledWorker(t, harness.Address(), harness.NewAddress(t), taskQueue, service.URL())
			} else {
				harness.StartWorker(t, taskQueue, service.URL())
			}
			run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{})
			if row.beforeTheCall {
				harness.WaitForEventsOf(t, temporalClient, run.GetID(), run.GetRunID(), enumspb.EVENT_TYPE_TIMER_STARTED)
			} else {
				require.NoError(t, run.Get(harness.Context(t), nil))
			}

			reset := resetToItsBeginning(t, temporalClient, client.DefaultNamespace, run)
			var out workflows.SolveTaskOutput
			err := reset.Get(harness.Context(t), &out)

			bought := service.Purchases()
			require.Len(t, bought, 1)
			if row.isCalled {
				require.NoError(t, err)
				require.Equal(t, bought[0].TaskID, out.TaskID)
				return
			}
			require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, workflows.ErrorCode(err))
		})
	}
}

// A run by a workflow's retry policy does not buy again either. Since SolveTask's own errors are
// not retryable, that policy takes effect if the run ends otherwise, such as by a timeout.
func TestSolveTaskInARunByARetryPolicy(t *testing.T) {
	t.Parallel()
	for name, workflow := range map[string]string{
		"SolveTask": workflows.SolveTaskWorkflow,
		"inline":    harness.SolveInlineForCall,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := startSubmittable(t, simulator.Processing())
			temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
			harness.StartCallersOn(t, temporalClient, taskQueue, newCalledPlugin(t, temporalClient, service.URL()))
			options := client.StartWorkflowOptions{
				TaskQueue: taskQueue, WorkflowRunTimeout: 15 * time.Second,
				RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 3},
			}
			in := workflows.SolveTaskInput{Task: json.RawMessage(taskToSolve), Attempts: 3}

			run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, workflow, in)
			require.NoError(t, err)
			err = run.Get(harness.Context(t), nil)

			require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, workflows.ErrorCode(err), "%v", err)
			require.ErrorContains(t, err, "repeats another run")
			require.Len(t, service.Purchases(), 1)
			require.NotEmpty(t, service.Purchases()[0].Task.CallbackURL)
			description, err := temporalClient.DescribeWorkflow(harness.Context(t), run.GetID(), "")
			require.NoError(t, err)
			require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, description.Status, "it ends at once, and is not retried")
		})
	}
}
