package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestWhatCallbacksSave counts what 300 tasks cost with callbacks, and logs how long after a task's
// end its wait ends. It runs before the tests that run side by side, because a busy machine is
// late.
func TestWhatCallbacksSave(t *testing.T) {
	const (
		tasks  = 300
		spread = 6 * time.Second // over which they end
	)
	service, taskQueue := harness.StartCallbackService(t, simulator.Options{}), harness.NewTaskQueue()
	temporalClient := harness.Dial(t)
	_, base := harness.StartCallbackWorker(t, taskQueue, service.URL())
	first := service.Reserve()
	for range tasks - 1 {
		service.Reserve()
	}
	// Even a slow machine starts them within the minute.
	harness.SendAtOnce(t, tasks, func(i int) error {
		_, err := harness.BeginWait(harness.Context(t), temporalClient, taskQueue, workflows.AwaitTaskResultInput{
			TaskID: first + int64(i), Callback: true, InitialDelay: time.Minute,
		})
		return err
	})
	for i := range int64(tasks) {
		service.SubmitWithCallback(t, first+i, base, simulator.Submission{
			Answers: []simulator.Answer{
				simulator.ReadyAfter(time.Second+time.Duration(i)*spread/tasks, `{"text":"abc"}`),
			},
		})
	}

	requests, events := 0, 0
	var delays []time.Duration
	for taskID := first; taskID < first+tasks; taskID++ {
		repeated := service.UntilTaken(t, taskID)
		run := temporalClient.GetWorkflow(harness.Context(t), workflows.WorkflowID(taskID), "")
		var output workflows.AwaitTaskResultOutput
		require.NoError(t, run.Get(harness.Context(t), &output))
		require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
		requests += len(service.RequestsFor(taskID))
		history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
		events += len(history)
		harness.RequireCostOfOneCallback(t, history, repeated)
		harness.RequireNoTimerCanceled(t, history)
		closed := history[len(history)-1].GetEventTime().AsTime()
		delays = append(delays, closed.Sub(service.CallbacksFor(taskID)[0].Ended))
	}
	slices.Sort(delays)
	t.Logf("%d tasks: %.3f requests and %.2f events a task; closed after ready: p50 %s, p95 %s, most %s",
		tasks, float64(requests)/tasks, float64(events)/tasks,
		delays[tasks/2].Round(time.Millisecond), delays[tasks*95/100].Round(time.Millisecond), delays[tasks-1].Round(time.Millisecond))
	require.LessOrEqual(t, float64(requests)/tasks, 1.05, "requests a task")
}
