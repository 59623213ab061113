package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestRequestsKeepTheirDistanceWhateverOperatorsDo has the Temporal CLI, and whoever starts waits,
// bring a request about while the one before it is less than 5 seconds old.
func TestRequestsKeepTheirDistanceWhateverOperatorsDo(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	ready := simulator.Ready(`{"text":"abc"}`)
	down := []simulator.Answer{simulator.RetryAfter(http.StatusServiceUnavailable, "60"), ready}
	processing := []simulator.Answer{simulator.Processing(), ready}

	// byCLI runs a command of "temporal activity" on the poll whose next attempt is due later.
	byCLI := func(t *testing.T, run client.WorkflowRun, commands ...string) {
		t.Helper()
		pending := harness.WaitForFailedAttempt(t, temporalClient, run)
		for _, command := range commands {
			done := harness.RunCLI(t, "activity", command, "--workflow-id", run.GetID(), "--activity-id", pending.GetActivityId())
			require.Equal(t, 0, done.Status, "%s%s", done.Stdout, done.Stderr)
		}
	}
	reset := func(t *testing.T, run client.WorkflowRun, _ workflows.AwaitTaskResultInput) { byCLI(t, run, "reset") }
	pause := func(t *testing.T, run client.WorkflowRun, _ workflows.AwaitTaskResultInput) {
		byCLI(t, run, "pause", "unpause")
	}

	for _, row := range []struct {
		name     string
		answers  []simulator.Answer
		polling  workflows.Polling
		meddle   func(*testing.T, client.WorkflowRun, workflows.AwaitTaskResultInput)
		atTheEnd string // the error code of the wait that was meddled with; "": it is ready
	}{
		{name: "temporal activity reset", answers: down, meddle: reset},
		{name: "temporal activity reset between attempts that are polls", answers: processing,
			polling: workflows.PollingActivityRetry, meddle: reset},
		{name: "temporal activity pause and unpause", answers: down, meddle: pause},
		{name: "temporal activity pause and unpause between attempts that are polls", answers: processing,
			polling: workflows.PollingActivityRetry, meddle: pause},
		{name: "temporal workflow reset", answers: processing,
			meddle: func(t *testing.T, run client.WorkflowRun, in workflows.AwaitTaskResultInput) {
				harness.WaitForEvents(t, temporalClient, in.TaskID, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
					enumspb.EVENT_TYPE_TIMER_STARTED)
				done := harness.RunCLI(t, "workflow", "reset", "--workflow-id", run.GetID(),
					"--type", "FirstWorkflowTask", "--reason", "an operator's")
				require.Equal(t, 0, done.Status, "%s%s", done.Stdout, done.Stderr)
			}},
		{name: "a failed wait that is started over at once", atTheEnd: "ERROR_CAPTCHA_UNSOLVABLE",
			answers: []simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), ready},
			meddle: func(t *testing.T, run client.WorkflowRun, in workflows.AwaitTaskResultInput) {
				require.Error(t, run.Get(harness.Context(t), nil))
				harness.StartWait(t, temporalClient, taskQueue, in)
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			in := harness.Soon(harness.NewTaskID())
			in.Polling, in.PollInterval = row.polling, 30*time.Second
			service.Script(in.TaskID, row.answers...)
			run := harness.StartWait(t, temporalClient, taskQueue, in)

			row.meddle(t, run, in)

			var output workflows.AwaitTaskResultOutput
			current := temporalClient.GetWorkflow(harness.Context(t), run.GetID(), "")
			require.NoError(t, current.Get(harness.Context(t), &output))
			require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
			requests := service.RequestsFor(in.TaskID)
			require.Len(t, requests, 2)
			require.GreaterOrEqual(t, requests[1].Arrived.Sub(requests[0].Arrived), harness.MinSpacing)
			require.Less(t, requests[1].Arrived.Sub(requests[0].Arrived), 25*time.Second,
				"it brought the second request about")
		})
	}
}

// TestTwoInlineWaitsForOneTask share the provider's worker, and nothing else.
func TestTwoInlineWaitsForOneTask(t *testing.T) {
	t.Parallel()
	service, polls, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	callers := harness.StartCallers(t, temporalClient)
	harness.StartWorker(t, polls, service.URL())
	in := harness.Soon(harness.NewTaskID())
	service.Script(in.TaskID, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	var runs []client.WorkflowRun
	for range 2 {
		options := client.StartWorkflowOptions{TaskQueue: callers}
		run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, harness.WaitInline, in, polls)
		require.NoError(t, err)
		runs = append(runs, run)
	}

	polled := 0
	for _, run := range runs {
		var result harness.CallerResult
		require.NoError(t, run.Get(harness.Context(t), &result))
		require.Equal(t, "", result.ErrorCode)
		require.JSONEq(t, `{"text":"abc"}`, string(result.Output.Solution))
		polled += result.Output.Polls
	}
	require.Empty(t, service.CloserThan(harness.MinSpacing))
	require.Len(t, service.RequestsFor(in.TaskID), polled, "an attempt that came too early is not a poll")
}
