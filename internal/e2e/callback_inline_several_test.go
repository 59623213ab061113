package e2e

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// waitForEach waits for several tasks at the same time, with one receiver of their calls.
func waitForEach(ctx workflow.Context, taskIDs []int64, pollQueue string) ([]harness.CallerResult, error) {
	ctx = workflow.WithTaskQueue(ctx, pollQueue)
	results := make([]harness.CallerResult, len(taskIDs))
	callbacks, waits := workflows.NewCallbacks(ctx), workflow.NewWaitGroup(ctx)
	for i, taskID := range taskIDs {
		waits.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer waits.Done()
			results[i], _ = harness.NewCallerResult(workflows.Await(ctx, harness.UntilCalledBack(taskID),
				workflows.WithCallbacks(callbacks)))
		})
	}
	waits.Wait(ctx)
	return results, nil
}

// TestEachOfSeveralInlineWaitsIsWokenByItsOwnCall calls the waits of one workflow, the last one
// first.
func TestEachOfSeveralInlineWaitsIsWokenByItsOwnCall(t *testing.T) {
	t.Parallel()
	service, polls, callers, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, polls, service.URL())
	team := worker.New(temporalClient, callers, worker.Options{})
	team.RegisterWorkflow(waitForEach)
	require.NoError(t, team.Start())
	t.Cleanup(team.Stop)
	var taskIDs []int64
	for range 5 {
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
		taskIDs = append(taskIDs, taskID)
	}
	run, err := temporalClient.ExecuteWorkflow(harness.Context(t), client.StartWorkflowOptions{TaskQueue: callers},
		waitForEach, taskIDs, polls)
	require.NoError(t, err)

	for called, taskID := range slices.Backward(taskIDs) {
		harness.WakeUp(t, temporalClient, run, taskID)
		require.NoError(t, service.WaitForAnswers(harness.Context(t), taskID, 1))
		require.Len(t, service.Requests(), len(taskIDs)-called, "nobody else is woken")
	}

	var results []harness.CallerResult
	require.NoError(t, run.Get(harness.Context(t), &results))
	for i, result := range results {
		require.Equal(t, "", result.ErrorCode)
		require.Equal(t, taskIDs[i], result.Output.TaskID)
		require.JSONEq(t, `{"text":"abc"}`, string(result.Output.Solution))
		require.Equal(t, 1, result.Output.Polls)
	}
	require.Len(t, service.Requests(), len(taskIDs), "one for each")
}
