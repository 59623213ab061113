package e2e

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestWorkerKilledInMidWait kills every worker after its first poll, while the timer of the next
// poll runs.
func TestWorkerKilledInMidWait(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	taskID, temporalClient := harness.NewTaskID(), harness.Dial(t)
	service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	starter := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))

	var inMidWait []enumspb.EventType
	for range 2 {
		worker := harness.StartWorker(t, taskQueue, service.URL())
		inMidWait = append(inMidWait, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
		harness.WaitForEvents(t, temporalClient, taskID, inMidWait...)
		worker.Signal(t, syscall.SIGKILL)
	}
	harness.StartWorker(t, taskQueue, service.URL())
	done := starter.Wait(t)

	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`)
	require.Contains(t, done.Stdout, `"polls":3`, "no poll is lost")
	require.Len(t, service.RequestsFor(taskID), 3, "and none is made again")
	require.Empty(t, service.CloserThan(harness.MinSpacing))
}

// TestWorkerKilledWithARequestUnderWay loses the answer, so the service is asked again.
func TestWorkerKilledWithARequestUnderWay(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Stalled(0), simulator.Ready(`{"text":"abc"}`))
	worker := harness.StartWorker(t, taskQueue, service.URL())
	starter := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 1))
	worker.Signal(t, syscall.SIGKILL)
	harness.StartWorker(t, taskQueue, service.URL())
	done := starter.Wait(t)

	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`)
	require.Contains(t, done.Stdout, `"polls":1`, "the poll's second attempt")
	require.Len(t, service.RequestsFor(taskID), 2)
	require.Empty(t, service.CloserThan(harness.MinSpacing))
}

// TestWorkerDrains ends a worker in good order while the answer to its request is on its way.
func TestWorkerDrains(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
			taskID, temporalClient := harness.NewTaskID(), harness.Dial(t)
			service.Script(taskID, simulator.Ready(`{"text":"abc"}`).WithDelay(8*time.Second), simulator.Expired())
			worker := harness.StartWorker(t, taskQueue, service.URL())
			starter := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
			require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 1))
			require.True(t, service.RequestsFor(taskID)[0].Finished.IsZero(), "the answer comes later")

			worker.Signal(t, signal)
			ended := worker.Wait(t)
			require.Equal(t, 0, ended.Status, ended.Stderr)
			require.False(t, service.RequestsFor(taskID)[0].Finished.IsZero(), "it waits for the answer")
			harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)

			harness.StartWorker(t, taskQueue, service.URL())
			done := starter.Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`, "the result is not lost")
			require.Len(t, service.RequestsFor(taskID), 1, "and not asked for again")
		})
	}
}

// TestIdleWorkerEndsAtOnce has a worker whose waits only sleep.
func TestIdleWorkerEndsAtOnce(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	taskID, temporalClient := harness.NewTaskID(), harness.Dial(t)
	worker := harness.StartWorker(t, taskQueue, service.URL())
	harness.StartWait(t, temporalClient, taskQueue,
		workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Hour, Timeout: 2 * time.Hour})
	harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_TIMER_STARTED)

	worker.Signal(t, syscall.SIGTERM)
	ended := worker.Wait(t)

	require.Equal(t, 0, ended.Status, ended.Stderr)
	require.Empty(t, service.Requests())
}
