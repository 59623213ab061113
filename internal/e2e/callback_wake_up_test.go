package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestCallbackWakesAWait(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartCallbackService(t, simulator.Options{}), harness.NewTaskQueue()
	temporalClient := harness.Dial(t)
	_, base := harness.StartCallbackWorker(t, taskQueue, service.URL())

	for _, row := range []struct {
		name     string
		answer   simulator.Answer
		solution string // "": it fails
	}{
		{name: "a text", answer: simulator.Ready(`"8"`), solution: `"8"`},
		{name: "an object", answer: simulator.ReadyAfter(time.Second, `{"token":"abc"}`), solution: `{"token":"abc"}`},
		{name: "an error", answer: simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")},
	} {
		t.Run(row.name, func(t *testing.T) {
			taskID := service.Reserve()
			run := harness.StartWait(t, temporalClient, taskQueue, harness.UntilCalledBack(taskID))
			require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, temporalClient, run).State)

			service.SubmitWithCallback(t, taskID, base, simulator.Submission{Answers: []simulator.Answer{row.answer}})

			repeated := service.UntilTaken(t, taskID)
			var output workflows.AwaitTaskResultOutput
			err := run.Get(harness.Context(t), &output)
			if row.solution == "" {
				require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", workflows.ErrorCode(err))
			} else {
				require.NoError(t, err)
				require.JSONEq(t, row.solution, string(output.Solution))
				require.Equal(t, 1, output.Polls)
			}
			require.Len(t, service.RequestsFor(taskID), 1)
			history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
			harness.RequireCostOfOneCallback(t, history, repeated)
			harness.RequireNoTimerCanceled(t, history)
		})
	}
}

func TestCallbackForNobody(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartCallbackService(t, simulator.Options{}), harness.NewTaskQueue()
	temporalClient := harness.Dial(t)
	_, base := harness.StartCallbackWorker(t, taskQueue, service.URL())
	ended, never := service.Reserve(), harness.NewTaskID()
	run := harness.StartWait(t, temporalClient, taskQueue, harness.UntilCalledBack(ended))
	service.SubmitWithCallback(t, ended, base, simulator.Submission{Answers: []simulator.Answer{simulator.Ready(`{}`)}})
	service.UntilTaken(t, ended)
	require.NoError(t, run.Get(harness.Context(t), nil))
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())

	for range 3 {
		for _, taskID := range []int64{ended, never} {
			_, err := harness.PostUntilTaken(harness.Context(t), harness.NewCallbackClient(t),
				harness.NewCallbackURL(t, base), taskID)
			require.NoError(t, err, "there is nothing to do, and nothing to repeat")
		}
	}

	require.Len(t, harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID()), len(history))
	require.Len(t, service.RequestsFor(ended), 1)
	require.Empty(t, service.RequestsFor(never))
	harness.RequireNotStarted(t, temporalClient, workflows.WorkflowID(never))
}

// TestEveryCallbackIsLost has polls make up for every callback.
func TestEveryCallbackIsLost(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	service.CallbackFaults(1, 1, []simulator.Callback{{Kind: simulator.Lost}})
	_, base := harness.StartCallbackWorker(t, taskQueue, service.URL())

	var waits []callbackWait
	for i := range 12 {
		waits = append(waits, newCallbackWait(t, service, base, i, nil))
	}
	for i := range waits {
		waits[i].start(t, temporalClient, taskQueue, 4*time.Second)
	}
	byDefault := newCallbackWait(t, service, base, 0, nil)
	started := time.Now()
	byDefault.run = harness.StartWait(t, temporalClient, taskQueue,
		workflows.AwaitTaskResultInput{TaskID: byDefault.taskID, Callback: true})

	for _, wait := range append(waits, byDefault) {
		wait.requireOutcome(t)
		harness.RequireSpaced(t, service, wait.taskID)
		for _, delivery := range service.CallbacksFor(wait.taskID) {
			require.Equal(t, simulator.Lost, delivery.Callback.Kind)
		}
	}
	requests := service.RequestsFor(byDefault.taskID)
	require.Len(t, requests, 1)
	require.Greater(t, requests[0].Arrived.Sub(started), 19*time.Second, "with a callback it asks later")
}

// TestUnreliableCallbacks loses three callbacks in ten. Most of the others are late, early,
// repeated, forged or out of order.
func TestUnreliableCallbacks(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulatorWith(t, simulator.Options{CallbackTimeout: harness.Patience}), harness.NewTaskQueue()
	temporalClient := harness.Dial(t)
	_, base := harness.StartCallbackWorker(t, taskQueue, service.URL())
	lost := []simulator.Callback{{Kind: simulator.Lost}}
	scripts := [][]simulator.Callback{
		lost, lost, lost,
		{{}, {}, {Delay: time.Second}},
		{{Delay: 4 * time.Second}},
		{{Delay: -2 * time.Second}},
		{{Delay: -2 * time.Second}, {}},
		{{Kind: simulator.BrokenMAC}, {Kind: simulator.BrokenMAC, Delay: -time.Second}, {Delay: time.Second}},
		{{Kind: simulator.OtherTask}, {Kind: simulator.UnknownTask}, {Delay: time.Second}},
		{{Overtaken: true}},
	}

	var waits []callbackWait
	for i := range 6 * len(scripts) {
		wait := newCallbackWait(t, service, base, i, scripts[i%len(scripts)])
		wait.start(t, temporalClient, taskQueue, 9*time.Second)
		waits = append(waits, wait)
	}

	for _, wait := range waits {
		wait.requireOutcome(t)
		harness.RequireSpaced(t, service, wait.taskID)
	}
	kinds := make(map[simulator.CallbackKind]int)
	for _, delivery := range service.Callbacks() {
		if delivery.Finished.IsZero() { // waits to be overtaken, or for its answer
			continue
		}
		kinds[delivery.Callback.Kind]++
		switch delivery.Callback.Kind {
		case simulator.Lost:
		case simulator.BrokenMAC:
			require.Equal(t, http.StatusNotFound, delivery.HTTPStatus, "%+v", delivery)
		default:
			// Temporal may be too busy for some: those are as good as lost.
			require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, delivery.HTTPStatus, "%+v",
				delivery)
		}
	}
	for kind := simulator.Genuine; kind <= simulator.UnknownTask; kind++ {
		require.NotZero(t, kinds[kind], "callbacks of the kind %s: %v", kind, kinds)
	}
}

// callbackWait is a wait for one of many tasks, each of which has an outcome of its own.
type callbackWait struct {
	taskID   int64
	solution string // "": it fails
	run      client.WorkflowRun
}

// newCallbackWait submits the task of this number: it takes 1 to 4 seconds, and every third fails.
func newCallbackWait(
	t *testing.T, service *simulator.Server, base string, number int, callbacks []simulator.Callback,
) callbackWait {
	t.Helper()
	wait := callbackWait{solution: fmt.Sprintf(`{"text":"solution %d"}`, number)}
	takes := time.Second + time.Duration(number%4)*time.Second
	answer := simulator.ReadyAfter(takes, wait.solution)
	if number%3 == 2 {
		wait.solution, answer = "", simulator.ErrorAfter(takes, "ERROR_CAPTCHA_UNSOLVABLE")
	}
	wait.taskID = service.Submit(simulator.Submission{
		CallbackURL: harness.NewCallbackURL(t, base), Callbacks: callbacks, Answers: []simulator.Answer{answer},
	})
	return wait
}

// start begins the wait. What no callback tells is found out after the delay, and then every 5
// seconds.
func (w *callbackWait) start(t *testing.T, temporalClient client.Client, taskQueue string, initialDelay time.Duration) {
	t.Helper()
	w.run = harness.StartWait(t, temporalClient, taskQueue, workflows.AwaitTaskResultInput{
		TaskID: w.taskID, Callback: true, InitialDelay: initialDelay, PollInterval: harness.MinSpacing,
	})
}

func (w *callbackWait) requireOutcome(t *testing.T) {
	t.Helper()
	var output workflows.AwaitTaskResultOutput
	err := w.run.Get(harness.Context(t), &output)
	if w.solution == "" {
		require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", workflows.ErrorCode(err), "task %d: %v", w.taskID, err)
		return
	}
	require.NoError(t, err, "task %d", w.taskID)
	require.JSONEq(t, w.solution, string(output.Solution), "task %d", w.taskID)
}
