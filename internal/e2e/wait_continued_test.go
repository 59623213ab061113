package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/gobconverter"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestWaitThatContinuesElsewhere has a server of its own: workers of other builds leave histories
// that this build doesn't replay.
func TestWaitThatContinuesElsewhere(t *testing.T) {
	t.Parallel()
	server := harness.StartServer(t,
		devserver.Options{DynamicConfig: []string{"limit.historyCount.suggestContinueAsNew=20"}})
	t.Run("what a newer build hands on is gone on with", func(t *testing.T) {
		t.Parallel()
		continueFromANewerBuild(t, server.Address())
	})
	t.Run("what only a newer build understands waits for it", func(t *testing.T) {
		t.Parallel()
		waitForANewerBuild(t, server.Address())
	})
	t.Run("in another encoding", func(t *testing.T) {
		t.Parallel()
		continueInAnotherEncoding(t, server.Address())
	})
}

func continueFromANewerBuild(t *testing.T, address string) {
	temporalClient := harness.DialWith(t, client.Options{HostPort: address})
	service, ours, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	startedAt := time.Now().UTC().Truncate(time.Second)
	newer := startNewerBuild(t, temporalClient, ours, fmt.Sprintf(
		`{"taskId":%d,"timeout":"1h0m0s","of":"a newer build","continued":{"startedAt":%q,"polls":3,"lastPollEnd":%[2]q,"of":["it"]}}`,
		taskID, startedAt.Format(time.RFC3339)))
	harness.StartWorkerOn(t, address, ours, service.URL())

	run := harness.StartWait(t, temporalClient, newer, harness.Soon(taskID))
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, run.Get(harness.Context(t), &output))

	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Equal(t, 4, output.Polls, "counted over all runs")
	last := temporalClient.GetWorkflow(harness.Context(t), run.GetID(), "")
	require.Equal(t, startedAt, *harness.StatusOf(t, temporalClient, last).StartedAt)
}

func waitForANewerBuild(t *testing.T, address string) {
	temporalClient := harness.DialWith(t, client.Options{HostPort: address})
	service, ours, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	newer := startNewerBuild(t, temporalClient, ours, fmt.Sprintf(`{"taskId":%d,"continued":{"began":"2030-01-01"}}`, taskID))
	older := startOurs(t, temporalClient, ours, service) // no process: its log may not hold a panic

	first := harness.StartWait(t, temporalClient, newer, harness.Soon(taskID))
	second := continuedRun(t, temporalClient, taskID, first.GetRunID())
	failed := harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED).
		GetWorkflowTaskFailedEventAttributes()
	require.Contains(t, failed.GetFailure().GetMessage(), fmt.Sprintf("task %d: this worker's version can't understand "+
		"what the previous run handed on: continued.startedAt is missing: run workers of that run's version", taskID))
	older.Stop()
	startNewerBuildOn(t, temporalClient, ours, ours, "")

	var output workflows.AwaitTaskResultOutput
	require.NoError(t, second.Get(harness.Context(t), &output), "the newer build goes on with it")
	require.Equal(t, taskID, output.TaskID)
	require.Empty(t, service.Requests())
}

// startOurs serves a task queue with this build, within the test's own process.
func startOurs(
	t *testing.T, temporalClient client.Client, taskQueue string, service *simulator.Server,
) worker.Worker {
	t.Helper()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()})
	require.NoError(t, err)
	ours := worker.New(temporalClient, taskQueue, worker.Options{Plugins: []worker.Plugin{plugin}})
	require.NoError(t, ours.Start())
	t.Cleanup(ours.Stop)
	return ours
}

// continuedRun is the run that a run continues as.
func continuedRun(t *testing.T, temporalClient client.Client, taskID int64, runID string) client.WorkflowRun {
	t.Helper()
	workflowID := workflows.WorkflowID(taskID)
	history := harness.ClosedHistory(t, temporalClient, workflowID, runID).GetEvents()
	next := history[len(history)-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	require.NotEmpty(t, next, "%s", history[len(history)-1])
	return temporalClient.GetWorkflow(harness.Context(t), workflowID, next)
}

// startNewerBuild serves a task queue of the test's own with what is to come one day: a wait that
// continues as new on another task queue, with this input.
func startNewerBuild(t *testing.T, temporalClient client.Client, nextTaskQueue, handedOn string) (taskQueue string) {
	t.Helper()
	taskQueue = harness.NewTaskQueue()
	startNewerBuildOn(t, temporalClient, taskQueue, nextTaskQueue, handedOn)
	return taskQueue
}

func startNewerBuildOn(t *testing.T, temporalClient client.Client, taskQueue, nextTaskQueue, handedOn string) {
	t.Helper()
	newer := worker.New(temporalClient, taskQueue, worker.Options{})
	wait := func(ctx workflow.Context, in json.RawMessage) (workflows.AwaitTaskResultOutput, error) {
		var output workflows.AwaitTaskResultOutput
		if workflow.GetInfo(ctx).ContinuedExecutionRunID != "" {
			return output, json.Unmarshal(in, &output)
		}
		ctx = workflow.WithWorkflowTaskQueue(ctx, nextTaskQueue)
		return output, workflow.NewContinueAsNewError(ctx, workflows.AwaitTaskResultWorkflow,
			converter.NewRawValue(&commonpb.Payload{
				Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)},
				Data:     []byte(handedOn),
			}))
	}
	newer.RegisterWorkflowWithOptions(wait, workflow.RegisterOptions{Name: workflows.AwaitTaskResultWorkflow})
	require.NoError(t, newer.Start())
	t.Cleanup(newer.Stop)
}

// continueInAnotherEncoding has a client and a worker whose data converter knows no JSON.
func continueInAnotherEncoding(t *testing.T, address string) {
	temporalClient := harness.DialWith(t, client.Options{HostPort: address, DataConverter: gobconverter.New()})
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	startOurs(t, temporalClient, taskQueue, service)

	in := harness.Soon(taskID)
	in.Timeout = 10 * time.Minute
	run := harness.StartWait(t, temporalClient, taskQueue, in)
	first := temporalClient.GetWorkflow(harness.Context(t), run.GetID(), run.GetRunID())
	second := continuedRun(t, temporalClient, taskID, run.GetRunID())
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, second.Get(harness.Context(t), &output))

	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Equal(t, 3, output.Polls, "counted over all runs")
	require.Len(t, service.RequestsFor(taskID), 3)
	require.Empty(t, service.CloserThan(harness.MinSpacing))
	status := harness.StatusOf(t, temporalClient, second)
	require.Equal(t, 10*time.Minute, status.Deadline.Sub(*status.StartedAt))
	require.Equal(t, *harness.StatusOf(t, temporalClient, first).StartedAt, *status.StartedAt)
}
