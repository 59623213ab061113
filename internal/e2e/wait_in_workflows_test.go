package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// newNamespace makes a namespace of the test's own, in which only the test's worker serves the
// provider's usual task queue.
func newNamespace(t *testing.T) client.Client {
	t.Helper()
	name := strings.ToLower(t.Name())
	done := harness.RunCLI(t, "operator", "namespace", "create", "--namespace", name)
	require.Equal(t, 0, done.Status, done.Stderr)
	return harness.DialWith(t, client.Options{HostPort: harness.Address(), Namespace: name})
}

func TestWaitInAChildWorkflow(t *testing.T) {
	t.Parallel()
	service, temporalClient := harness.StartSimulator(t), newNamespace(t)
	name := strings.ToLower(t.Name())
	harness.StartWorkerWith(t, []string{"TWOCAPTCHA_API_KEY=" + harness.ClientKey, "TEMPORAL_NAMESPACE=" + name},
		workflows.TaskQueue, service.URL())
	callers := harness.StartCallers(t, temporalClient)

	t.Run("ready", func(t *testing.T) {
		t.Parallel()
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
		result := harness.Call(t, temporalClient, callers, harness.WaitInChild, harness.Soon(taskID))
		require.Equal(t, "", result.ErrorCode)
		require.JSONEq(t, `{"text":"abc"}`, string(result.Output.Solution))
		require.Equal(t, 2, result.Output.Polls)
	})
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
		require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE",
			harness.Call(t, temporalClient, callers, harness.WaitInChild, harness.Soon(taskID)).ErrorCode)
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		in := harness.Soon(harness.NewTaskID())
		in.PollInterval = time.Second
		require.Equal(t, activities.ErrorTypeInvalidInput,
			harness.Call(t, temporalClient, callers, harness.WaitInChild, in).ErrorCode)
	})
	t.Run("already running", func(t *testing.T) {
		t.Parallel()
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Processing(), simulator.Ready(`{}`))
		in := harness.Soon(taskID)
		in.PollInterval, in.Timeout = time.Hour, 2*time.Hour
		first := harness.StartWait(t, temporalClient, workflows.TaskQueue, in)
		require.NoError(t, service.WaitForAnswers(harness.Context(t), taskID, 1))
		require.Equal(t, workflows.AlreadyRunning,
			harness.Call(t, temporalClient, callers, harness.WaitInChild, harness.Soon(taskID)).ErrorCode)
		harness.WakeUp(t, temporalClient, first, taskID)
		require.NoError(t, first.Get(harness.Context(t), nil), "the wait that was running goes on")
		require.Len(t, service.RequestsFor(taskID), 2)
	})
	t.Run("left by its parent", func(t *testing.T) {
		t.Parallel()
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
		harness.Call(t, temporalClient, callers, harness.LeaveChild, harness.Asleep(taskID))
		require.Empty(t, service.RequestsFor(taskID), "the parent has closed before the first poll")
		left := temporalClient.GetWorkflow(harness.Context(t), workflows.WorkflowID(taskID), "")
		harness.WakeUp(t, temporalClient, left, taskID)
		var output workflows.AwaitTaskResultOutput
		require.NoError(t, left.Get(harness.Context(t), &output))
		require.JSONEq(t, `{"text":"abc"}`, string(output.Solution), "the result is fetched all the same")
	})
}

func TestWaitInTheCallersOwnWorkflow(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		// elsewhere: the polls run on a task queue that only our worker process serves. Otherwise
		// the caller's own worker has the plugin.
		elsewhere bool
	}{
		{name: "polls on its own task queue"},
		{name: "polls on another task queue", elsewhere: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			service, temporalClient := harness.StartSimulator(t), harness.Dial(t)
			ready, failed := harness.NewTaskID(), harness.NewTaskID()
			service.Script(ready, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
			service.Script(failed, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
			var callers, polls string
			if row.elsewhere {
				callers, polls = harness.StartCallers(t, temporalClient), harness.NewTaskQueue()
				harness.StartWorker(t, polls, service.URL())
			} else {
				plugin, err := provider.NewPlugin(provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()})
				require.NoError(t, err)
				callers = harness.StartCallers(t, temporalClient, plugin)
			}

			result := harness.Call(t, temporalClient, callers, harness.WaitInline, harness.Soon(ready), polls)
			require.Equal(t, "", result.ErrorCode)
			require.JSONEq(t, `{"text":"abc"}`, string(result.Output.Solution))
			require.Equal(t, 2, result.Output.Polls)
			require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE",
				harness.Call(t, temporalClient, callers, harness.WaitInline, harness.Soon(failed), polls).ErrorCode)
			require.Len(t, service.RequestsFor(ready), 2)
			require.Len(t, service.RequestsFor(failed), 1)
		})
	}
}
