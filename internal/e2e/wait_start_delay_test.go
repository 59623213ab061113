package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestStartDelayTakesThePlaceOfTheFirstTimer has the whole first delay pass before the workflow's
// first task: nothing is left to wait for then.
func TestStartDelayTakesThePlaceOfTheFirstTimer(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	for _, polling := range bothPollings {
		t.Run(string(polling), func(t *testing.T) {
			t.Parallel()
			const delay = 5 * time.Second
			taskID := harness.NewTaskID()
			service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
			options := workflows.StartOptions(taskID)
			options.TaskQueue, options.StartDelay = taskQueue, delay
			begun := time.Now()

			run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, workflows.AwaitTaskResultWorkflow,
				workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: delay, Polling: polling})

			require.NoError(t, err)
			requireReady(t, run, 1)
			require.GreaterOrEqual(t, service.RequestsFor(taskID)[0].Arrived.Sub(begun), delay)
			history := harness.ClosedHistory(t, temporalClient, run.GetID(), run.GetRunID())
			if !harness.Disturbed(history) {
				require.Len(t, history.GetEvents(), 11)
			}
		})
	}
}
