package e2e

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// waitForEvents returns once the history of the task's wait has events of these types, in this order: the last of them. It needs
// no worker.
func waitForEvents(t *testing.T, temporal client.Client, taskID int64, types ...enumspb.EventType) *historypb.HistoryEvent {
	t.Helper()
	const longPoll = true
	events := temporal.GetWorkflowHistory(testContext(t), workflows.WorkflowID(taskID), "", longPoll,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err, "waiting for %s", types)
		if event.GetEventType() == types[0] {
			types = types[1:]
		}
		if len(types) == 0 {
			return event
		}
	}
	require.FailNow(t, "the workflow has closed", "without %s", types)
	return nil
}

// TestWorkerKilledInMidWait kills every worker after its first poll, when the timer of the next one runs.
func TestWorkerKilledInMidWait(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID, temporal := startSimulator(t), newTaskQueue(), newTaskID(), dial(t)
	service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	starter := startStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))

	var inMidWait []enumspb.EventType
	for range 2 {
		worker := startWorker(t, taskQueue, service.URL())
		inMidWait = append(inMidWait, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
		waitForEvents(t, temporal, taskID, inMidWait...)
		worker.signal(t, syscall.SIGKILL)
	}
	startWorker(t, taskQueue, service.URL())
	done := starter.wait(t)

	require.Equal(t, 0, done.status, done.stderr)
	require.Contains(t, done.stdout, `"solution":{"text":"abc"}`)
	require.Contains(t, done.stdout, `"polls":3`, "no poll is lost")
	require.Len(t, service.RequestsFor(taskID), 3, "and none is made again")
	require.Empty(t, service.CloserThan(minSpacing))
}

// TestWorkerKilledWithARequestUnderWay loses the answer, which is asked for again.
func TestWorkerKilledWithARequestUnderWay(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := startSimulator(t), newTaskQueue(), newTaskID()
	service.Script(taskID, simulator.Stalled(0), simulator.Ready(`{"text":"abc"}`))
	worker := startWorker(t, taskQueue, service.URL())
	starter := startStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	require.NoError(t, service.WaitForRequests(testContext(t), taskID, 1))
	worker.signal(t, syscall.SIGKILL)
	startWorker(t, taskQueue, service.URL())
	done := starter.wait(t)

	require.Equal(t, 0, done.status, done.stderr)
	require.Contains(t, done.stdout, `"solution":{"text":"abc"}`)
	require.Contains(t, done.stdout, `"polls":1`, "the poll's second attempt")
	require.Len(t, service.RequestsFor(taskID), 2)
	require.Empty(t, service.CloserThan(minSpacing))
}

// TestWorkerDrains ends a worker in good order while the answer to its request is on its way.
func TestWorkerDrains(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			service, taskQueue, taskID, temporal := startSimulator(t), newTaskQueue(), newTaskID(), dial(t)
			service.Script(taskID, simulator.Ready(`{"text":"abc"}`).WithDelay(8*time.Second), simulator.Expired())
			worker := startWorker(t, taskQueue, service.URL())
			starter := startStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
			require.NoError(t, service.WaitForRequests(testContext(t), taskID, 1))
			require.True(t, service.RequestsFor(taskID)[0].Finished.IsZero(), "the answer comes later")

			worker.signal(t, signal)
			ended := worker.wait(t)
			require.Equal(t, 0, ended.status, ended.stderr)
			require.False(t, service.RequestsFor(taskID)[0].Finished.IsZero(), "it waits for the answer")
			waitForEvents(t, temporal, taskID, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)

			startWorker(t, taskQueue, service.URL())
			done := starter.wait(t)
			require.Equal(t, 0, done.status, done.stderr)
			require.Contains(t, done.stdout, `"solution":{"text":"abc"}`, "the result is not lost")
			require.Len(t, service.RequestsFor(taskID), 1, "and not asked for again")
		})
	}
}

// TestIdleWorkerEndsAtOnce has a worker whose waits only sleep.
func TestIdleWorkerEndsAtOnce(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID, temporal := startSimulator(t), newTaskQueue(), newTaskID(), dial(t)
	worker := startWorker(t, taskQueue, service.URL())
	startWait(t, temporal, taskQueue, workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Hour, Timeout: 2 * time.Hour})
	waitForEvents(t, temporal, taskID, enumspb.EVENT_TYPE_TIMER_STARTED)

	worker.signal(t, syscall.SIGTERM)
	ended := worker.wait(t)

	require.Equal(t, 0, ended.status, ended.stderr)
	require.Empty(t, service.Requests())
}
