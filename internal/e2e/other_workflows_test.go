package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// callerResult is what a workflow of someone else's makes of a wait.
type callerResult struct {
	Output    workflows.AwaitTaskResultOutput
	ErrorCode string
}

func newCallerResult(output workflows.AwaitTaskResultOutput, err error) (callerResult, error) {
	return callerResult{output, workflows.ErrorCode(err)}, nil
}

// waitInChild starts the wait as a child, with nothing but the options that are meant for it.
func waitInChild(ctx workflow.Context, in workflows.AwaitTaskResultInput) (callerResult, error) {
	ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(in.TaskID))
	var output workflows.AwaitTaskResultOutput
	err := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow, in).Get(ctx, &output)
	return newCallerResult(output, err)
}

// leaveChild closes as soon as the wait has begun.
func leaveChild(ctx workflow.Context, in workflows.AwaitTaskResultInput) (callerResult, error) {
	ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(in.TaskID))
	child := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow, in)
	return callerResult{}, child.GetChildWorkflowExecution().Get(ctx, nil)
}

// waitInline runs the wait in its own history, on the task queue named or on its own.
func waitInline(ctx workflow.Context, in workflows.AwaitTaskResultInput, taskQueue string) (callerResult, error) {
	if taskQueue != "" {
		ctx = workflow.WithTaskQueue(ctx, taskQueue)
	}
	return newCallerResult(workflows.Await(ctx, in))
}

// newNamespace makes a namespace of the test's own, in which the provider's usual task queue is nobody else's.
func newNamespace(t *testing.T) client.Client {
	t.Helper()
	name := strings.ToLower(t.Name())
	done := runCLI(t, "operator", "namespace", "create", "--namespace", name)
	require.Equal(t, 0, done.status, done.stderr)
	temporal, err := client.Dial(client.Options{HostPort: fixture.temporal.Address(), Namespace: name, Logger: quietLogger{}})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	return temporal
}

// startCallers serves a task queue of the test's own with the workflows above, and with what plugins bring.
func startCallers(t *testing.T, temporal client.Client, plugins ...worker.Plugin) (taskQueue string) {
	t.Helper()
	taskQueue = newTaskQueue()
	callers := worker.New(temporal, taskQueue, worker.Options{Plugins: plugins})
	callers.RegisterWorkflow(waitInChild)
	callers.RegisterWorkflow(leaveChild)
	callers.RegisterWorkflow(waitInline)
	require.NoError(t, callers.Start())
	t.Cleanup(callers.Stop)
	return taskQueue
}

// call runs one of the workflows above and returns what it made of the wait.
func call(t *testing.T, temporal client.Client, taskQueue string, caller any, arguments ...any) callerResult {
	t.Helper()
	ctx := testContext(t)
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: taskQueue}, caller, arguments...)
	require.NoError(t, err)
	var result callerResult
	require.NoError(t, run.Get(ctx, &result))
	return result
}

func TestWaitInAChildWorkflow(t *testing.T) {
	t.Parallel()
	service, temporal := startSimulator(t), newNamespace(t)
	name := strings.ToLower(t.Name())
	startWorkerIn(t, []string{"TWOCAPTCHA_API_KEY=" + clientKey, "TEMPORAL_NAMESPACE=" + name}, workflows.TaskQueue, service.URL())
	callers := startCallers(t, temporal)

	t.Run("ready", func(t *testing.T) {
		t.Parallel()
		taskID := newTaskID()
		service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
		result := call(t, temporal, callers, waitInChild, soon(taskID))
		require.Equal(t, "", result.ErrorCode)
		require.JSONEq(t, `{"text":"abc"}`, string(result.Output.Solution))
		require.Equal(t, 2, result.Output.Polls)
	})
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		taskID := newTaskID()
		service.Script(taskID, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
		require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", call(t, temporal, callers, waitInChild, soon(taskID)).ErrorCode)
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		in := soon(newTaskID())
		in.PollInterval = time.Second
		require.Equal(t, workflows.ErrorTypeInvalidInput, call(t, temporal, callers, waitInChild, in).ErrorCode)
	})
	t.Run("already running", func(t *testing.T) {
		t.Parallel()
		taskID := newTaskID()
		service.Script(taskID, simulator.Processing(), simulator.Ready(`{}`))
		in := soon(taskID)
		in.PollInterval, in.Timeout = time.Hour, 2*time.Hour
		first := startWait(t, temporal, workflows.TaskQueue, in)
		require.NoError(t, service.WaitForAnswers(testContext(t), taskID, 1))
		require.Equal(t, workflows.AlreadyRunning, call(t, temporal, callers, waitInChild, soon(taskID)).ErrorCode)
		wakeUp(t, temporal, first, taskID)
		require.NoError(t, first.Get(testContext(t), nil), "the wait that was running goes on")
		require.Len(t, service.RequestsFor(taskID), 2)
	})
	t.Run("left by its parent", func(t *testing.T) {
		t.Parallel()
		taskID := newTaskID()
		service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
		call(t, temporal, callers, leaveChild, asleep(taskID))
		require.Empty(t, service.RequestsFor(taskID), "the parent has closed before the first poll")
		left := temporal.GetWorkflow(testContext(t), workflows.WorkflowID(taskID), "")
		wakeUp(t, temporal, left, taskID)
		var output workflows.AwaitTaskResultOutput
		require.NoError(t, left.Get(testContext(t), &output))
		require.JSONEq(t, `{"text":"abc"}`, string(output.Solution), "the result is fetched all the same")
	})
}

// soon is a wait whose first poll is at once.
func soon(taskID int64) workflows.AwaitTaskResultInput {
	return workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond}
}

func TestWaitInTheCallersOwnWorkflow(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		// elsewhere: the polls run on a task queue that only our worker process serves. Otherwise the caller's own worker has
		// the plugin.
		elsewhere bool
	}{
		{name: "polls on its own task queue"},
		{name: "polls on another task queue", elsewhere: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			service, temporal := startSimulator(t), dial(t)
			ready, failed := newTaskID(), newTaskID()
			service.Script(ready, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
			service.Script(failed, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
			var callers, polls string
			if row.elsewhere {
				callers, polls = startCallers(t, temporal), newTaskQueue()
				startWorker(t, polls, service.URL())
			} else {
				plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey, APIURL: service.URL()})
				require.NoError(t, err)
				callers = startCallers(t, temporal, plugin)
			}

			result := call(t, temporal, callers, waitInline, soon(ready), polls)
			require.Equal(t, "", result.ErrorCode)
			require.JSONEq(t, `{"text":"abc"}`, string(result.Output.Solution))
			require.Equal(t, 2, result.Output.Polls)
			require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", call(t, temporal, callers, waitInline, soon(failed), polls).ErrorCode)
			require.Len(t, service.RequestsFor(ready), 2)
			require.Len(t, service.RequestsFor(failed), 1)
		})
	}
}
