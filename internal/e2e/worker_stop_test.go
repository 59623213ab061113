package e2e

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	// promisedStop is the longest that a worker says its stop takes.
	promisedStop = 20 * time.Second
	// busy is what a machine with many tests at once may add.
	busy = 10 * time.Second
)

func TestWorkerStopsInTime(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String()+" with nothing under way", func(t *testing.T) {
			t.Parallel()
			service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
			process := harness.StartWorker(t, taskQueue, service.URL())
			run := harness.StartWait(t, temporalClient, taskQueue, harness.Asleep(harness.NewTaskID()))
			require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, temporalClient, run).State)

			took := stopped(t, process, signal)

			require.Less(t, took, busy, "there is nothing to wait for")
		})
	}

	t.Run("with a request under way that is never answered", func(t *testing.T) {
		t.Parallel()
		service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
		temporalClient, taskID := harness.Dial(t), harness.NewTaskID()
		service.Script(taskID, simulator.Stalled(0))
		process := harness.StartWorker(t, taskQueue, service.URL())
		run := harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID))
		require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 1))

		took := stopped(t, process, syscall.SIGTERM)

		require.Less(t, took, promisedStop+busy)
		pending := harness.WaitForFailedAttempt(t, temporalClient, run)
		require.Regexp(t, "no answer (within 15s|before the request was given up)", pending.GetLastFailure().GetMessage(),
			"it reports what became of the request")
		require.Len(t, service.RequestsFor(taskID), 1, "and sends no other")
	})

	t.Run("with a request under way that brings the result", func(t *testing.T) {
		t.Parallel()
		service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
		temporalClient, taskID := harness.Dial(t), harness.NewTaskID()
		service.Script(taskID, simulator.Ready(`{"text":"abc"}`).WithDelay(5*time.Second),
			simulator.Error("ERROR_NO_SUCH_CAPCHA_ID"))
		process := harness.StartWorker(t, taskQueue, service.URL())
		run := harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID))
		require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 1))

		stopped(t, process, syscall.SIGTERM)

		harness.StartWorker(t, taskQueue, service.URL())
		var output workflows.AwaitTaskResultOutput
		require.NoError(t, run.Get(harness.Context(t), &output),
			"the result that came while the worker stopped is not lost")
		require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
		require.Len(t, service.RequestsFor(taskID), 1)
	})
}

// stopped stops a worker by a signal, requires that it ends in good order, and returns how long
// that took.
func stopped(t *testing.T, process *harness.Process, signal syscall.Signal) time.Duration {
	t.Helper()
	begun := time.Now()
	process.Signal(t, signal)
	done := process.Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stderr, "worker stopped")
	return time.Since(begun)
}

// TestStoppedWorkerLeavesNoGoroutine runs somebody else's worker with the plugin, and stops it with
// waits in every state. Although the process goes on, nothing of the worker still runs then, not
// even for its connections to the service. It runs before the tests that run side by side: the SDK
// keeps workflows in one cache for all workers of a process, and empties it when the last of them
// has stopped.
func TestStoppedWorkerLeavesNoGoroutine(t *testing.T) {
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	// Goroutines inherit this label from those that start them, which tells them from other tests'
	// goroutines.
	label := pprof.Labels("worker", taskQueue)
	pprof.Do(context.Background(), label, func(context.Context) {
		temporalClient, err := client.Dial(client.Options{HostPort: harness.Address(), Logger: harness.QuietLogger{}})
		require.NoError(t, err)
		defer temporalClient.Close()
		plugin, err := provider.NewPlugin(provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()})
		require.NoError(t, err)
		stopping := worker.New(temporalClient, taskQueue, worker.Options{
			Plugins: []worker.Plugin{plugin}, WorkerStopTimeout: promisedStop,
		})
		require.NoError(t, stopping.Start())
		require.NotEmpty(t, goroutines(t, taskQueue), "they can be told apart")

		start := func(answers ...simulator.Answer) (client.WorkflowRun, int64) {
			taskID := harness.NewTaskID()
			service.Script(taskID, answers...)
			return harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID)), taskID
		}
		ready, _ := start(simulator.Ready(`{}`))
		require.NoError(t, ready.Get(harness.Context(t), nil))
		require.Equal(t, workflows.StateWaiting,
			harness.StatusOf(t, temporalClient,
				harness.StartWait(t, temporalClient, taskQueue, harness.Asleep(harness.NewTaskID()))).State)
		retrying, _ := start(simulator.HTMLPage())
		harness.WaitForFailedAttempt(t, temporalClient, retrying)
		_, underWay := start(simulator.Ready(`{}`).WithDelay(3 * time.Second))
		require.NoError(t, service.WaitForRequests(harness.Context(t), underWay, 1))

		stopping.Stop()
		require.Len(t, service.RequestsFor(underWay), 1)
		require.False(t, service.RequestsFor(underWay)[0].Finished.IsZero(), "the request under way was waited for")
	})

	for deadline := time.Now().Add(busy); goroutines(t, taskQueue) != "" && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	require.Empty(t, goroutines(t, taskQueue), "what the worker started still runs")
}

// goroutines are the stacks of the goroutines that a worker has started, directly or not.
func goroutines(t *testing.T, label string) string {
	t.Helper()
	var profile bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	var stacks strings.Builder
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, `"worker":"`+label+`"`) {
			stacks.WriteString(stack + "\n\n")
		}
	}
	return stacks.String()
}
