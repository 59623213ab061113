package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// suggestsContinueAsNewSoon has a server suggest to continue as new after 20 events instead of
// 4,096.
var suggestsContinueAsNewSoon = devserver.Options{DynamicConfig: []string{"limit.historyCount.suggestContinueAsNew=20"}}

// TestInlineWaitThatIsToContinueAsNew can't do so, since its workflow is someone else's. It goes on
// without filling that workflow's history.
func TestInlineWaitThatIsToContinueAsNew(t *testing.T) {
	t.Parallel()
	server := harness.StartServer(t, suggestsContinueAsNewSoon)
	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	service, polls, callers := harness.StartSimulator(t), harness.NewTaskQueue(), harness.StartCallers(t, temporalClient)
	harness.StartWorkerOn(t, server.Address(), polls, service.URL())

	for _, row := range []struct {
		name, caller string
		called       bool // after the first polls
	}{
		{name: "Await", caller: harness.WaitInline},
		{name: "Await with callbacks", caller: harness.WaitInlineForCall, called: true},
		{name: "AwaitTaskResult, called as a function", caller: harness.CallAwaitTaskResult},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const pollsBefore = 6
			in := harness.Soon(harness.NewTaskID())
			if row.called {
				in.Callback, in.PollInterval = true, harness.MinSpacing
			}
			service.Script(in.TaskID, simulator.Processing())
			options := client.StartWorkflowOptions{ID: workflows.WorkflowID(in.TaskID), TaskQueue: callers}
			run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, row.caller, in, polls)
			require.NoError(t, err)

			require.NoError(t, service.WaitForAnswers(harness.Context(t), in.TaskID, pollsBefore))
			if row.called {
				pending := harness.WaitForFailedAttempt(t, temporalClient, run)
				require.Equal(t, activities.PollTaskResultActivity, pending.GetActivityType().GetName())
				harness.WakeUp(t, temporalClient, run, in.TaskID)
				harness.WaitForEvents(t, temporalClient, in.TaskID, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED)
			}
			service.Script(in.TaskID, simulator.Ready(`{"text":"abc"}`))

			var result harness.CallerResult
			require.NoError(t, run.Get(harness.Context(t), &result))
			require.Equal(t, "", result.ErrorCode)
			require.JSONEq(t, `{"text":"abc"}`, string(result.Output.Solution))
			require.Len(t, service.RequestsFor(in.TaskID), result.Output.Polls)
			require.Greater(t, result.Output.Polls, pollsBefore)
			harness.RequireSpaced(t, service, in.TaskID)
			description, err := temporalClient.DescribeWorkflow(harness.Context(t), run.GetID(), "")
			require.NoError(t, err)
			execution := description.RawResponse.GetWorkflowExecutionInfo()
			require.Equal(t, run.GetRunID(), execution.GetExecution().GetRunId(), "it is the same run")
			require.Equal(t, row.caller, execution.GetType().GetName(), "of the caller's own workflow")
			require.LessOrEqual(t, execution.GetHistoryLength(), int64(60), "however many polls there are")
		})
	}
}
