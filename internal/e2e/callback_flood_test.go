package e2e

import (
	"errors"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestAThousandCallbacks has someone who learned of an address use it again and again, and someone
// within Temporal signal as often. The server suggests to continue as new after 500 events instead
// of 4,096.
func TestAThousandCallbacks(t *testing.T) {
	t.Parallel()
	const (
		suggested = 500
		rounds    = 10
		perRound  = 100 // callbacks, and as many signals
		// A run can't continue as new while a poll is under way, and takes in then what comes.
		longest = 4 * suggested
	)
	server := harness.StartServer(t, devserver.Options{
		DynamicConfig: []string{"limit.historyCount.suggestContinueAsNew=" + strconv.Itoa(suggested)},
	})
	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	_, base := harness.StartCallbackWorkerWith(t, []string{"TEMPORAL_ADDRESS=" + server.Address()}, taskQueue,
		service.URL())
	in := harness.UntilCalledBack(harness.NewTaskID())
	service.Script(in.TaskID, simulator.Processing())
	run := harness.StartWait(t, temporalClient, taskQueue, in)
	firstRun := run.GetRunID()
	sender, address := harness.NewCallbackClient(t), harness.NewCallbackURL(t, base)
	post := func() error {
		_, err := harness.PostUntilTaken(harness.Context(t), sender, address, in.TaskID)
		return err
	}

	defer harness.BeginFlood()()
	for range rounds {
		harness.SendAtOnce(t, perRound, func(int) error {
			return errors.Join(
				post(),
				temporalClient.SignalWorkflow(harness.Context(t), run.GetID(), "", workflows.TaskCallbackSignal,
					workflows.TaskCallback{TaskID: in.TaskID}),
			)
		})
		// The wait has taken in what was sent so far, so that a slow worker does not make its
		// history longer.
		require.NotEqual(t, workflows.StateReady,
			harness.StatusOf(t, temporalClient, temporalClient.GetWorkflow(harness.Context(t), run.GetID(), "")).State)
	}
	require.NoError(t, service.WaitForAnswers(harness.Context(t), in.TaskID, 2))
	service.Script(in.TaskID, simulator.Ready(`{"text":"abc"}`))

	require.NoError(t, post())
	var output workflows.AwaitTaskResultOutput
	run = temporalClient.GetWorkflow(harness.Context(t), run.GetID(), firstRun)
	require.NoError(t, run.Get(harness.Context(t), &output)) // follows the runs
	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Len(t, service.RequestsFor(in.TaskID), output.Polls)
	harness.RequireSpaced(t, service, in.TaskID)
	signals, runs := 0, 0
	for runID := firstRun; runID != ""; runs++ {
		history := harness.ClosedHistory(t, temporalClient, run.GetID(), runID).GetEvents()
		require.Less(t, len(history), longest, "the events of one run")
		for _, event := range history {
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
				signals++
			}
		}
		harness.RequireNoTimerCanceled(t, history)
		runID = history[len(history)-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	require.GreaterOrEqual(t, signals, 2*rounds*perRound, "every one was taken, but the last where a poll was faster")
	require.Greater(t, runs, 1, "it continued as new")
}
