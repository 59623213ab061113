package e2e

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestAThousandCallbacks has someone who learned of an address use it again and again, and someone within Temporal
// signal as often. The server suggests to continue as new after 500 events, in place of 4,096.
func TestAThousandCallbacks(t *testing.T) {
	t.Parallel()
	const (
		suggested = 500
		rounds    = 10
		perRound  = 100 // callbacks, and as many signals
		// A run can't continue as new while a poll is under way, and takes in then what comes.
		longest = 4 * suggested
	)
	server, err := devserver.Start(context.Background(), devserver.Options{
		CLI: fixture.cli, DynamicConfig: []string{"limit.historyCount.suggestContinueAsNew=" + strconv.Itoa(suggested)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	temporal, err := client.Dial(client.Options{HostPort: server.Address(), Logger: quietLogger{}})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	service, taskQueue := startSimulator(t), newTaskQueue()
	_, base := startCallbackWorkerIn(t, []string{"TEMPORAL_ADDRESS=" + server.Address()}, taskQueue, service.URL())
	in := untilCalledBack(newTaskID())
	service.Script(in.TaskID, simulator.Processing())
	run := startWait(t, temporal, taskQueue, in)
	firstRun := run.GetRunID()
	sender, address := newCallbackClient(t), newCallbackURL(t, base)
	post := func() error {
		_, err := postUntilTaken(testContext(t), sender, address, in.TaskID)
		return err
	}

	fixture.floods.Lock()
	defer fixture.floods.Unlock()
	for range rounds {
		sendAtOnce(t, perRound, func(int) error {
			return errors.Join(
				post(),
				temporal.SignalWorkflow(testContext(t), run.GetID(), "", workflows.TaskCallbackSignal,
					workflows.TaskCallback{TaskID: in.TaskID}),
			)
		})
		// The wait has taken in what was sent so far: no slow worker makes its history longer than the wait has it.
		require.NotEqual(t, workflows.StateReady, statusOf(t, temporal, temporal.GetWorkflow(testContext(t), run.GetID(), "")).State)
	}
	require.NoError(t, service.WaitForAnswers(testContext(t), in.TaskID, 2))
	service.Script(in.TaskID, simulator.Ready(`{"text":"abc"}`))

	require.NoError(t, post())
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, temporal.GetWorkflow(testContext(t), run.GetID(), firstRun).Get(testContext(t), &output)) // follows the runs
	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Len(t, service.RequestsFor(in.TaskID), output.Polls)
	requireSpaced(t, service, in.TaskID)
	signals, runs := 0, 0
	for runID := firstRun; runID != ""; runs++ {
		history := closedHistory(t, temporal, run.GetID(), runID).GetEvents()
		require.Less(t, len(history), longest, "the events of one run")
		for _, event := range history {
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
				signals++
			}
		}
		requireNoTimerCanceled(t, history)
		runID = history[len(history)-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	require.GreaterOrEqual(t, signals, 2*rounds*perRound, "every one was taken, but the last where a poll was faster")
	require.Greater(t, runs, 1, "it continued as new")
}

// sendAtOnce sends n times, by several senders; send is told which time it is, from 0 on.
func sendAtOnce(t *testing.T, n int, send func(i int) error) {
	t.Helper()
	const senders = 10
	var sending sync.WaitGroup
	failures := make([]error, senders)
	for sender := range senders {
		sending.Go(func() {
			for i := sender; i < n && failures[sender] == nil; i += senders {
				failures[sender] = send(i)
			}
		})
	}
	sending.Wait()
	require.NoError(t, errors.Join(failures...))
}
