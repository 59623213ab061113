package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A server that was killed hands out again what it had not noted as done, among it the task of an
// attempt that has failed. It takes that for the start of the next attempt, however long that
// attempt still has to wait.
func TestRetryDelayHoldsThroughARestartOfTheServer(t *testing.T) {
	t.Parallel()
	const delay = 20 * time.Second
	taskQueue, service := harness.NewTaskQueue(), harness.StartSimulator(t)
	waits := []struct {
		name   string
		answer simulator.Answer // the first one
		in     workflows.AwaitTaskResultInput
		run    client.WorkflowRun
	}{
		{name: "the schedule's", answer: simulator.Processing(),
			in: workflows.AwaitTaskResultInput{Polling: workflows.PollingActivityRetry, PollInterval: delay}},
		// The last, since it silences the worker.
		{name: "the service's", answer: simulator.RetryAfter(429, "20")},
	}
	options := harness.Restartable(t)
	server := harness.StartServer(t, options)
	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	harness.StartWorkerOn(t, server.Address(), taskQueue, service.URL())
	for i := range waits {
		wait := &waits[i]
		wait.in.TaskID, wait.in.InitialDelay = harness.NewTaskID(), time.Millisecond
		service.Script(wait.in.TaskID, wait.answer, simulator.Ready(`{"text":"abc"}`))
		wait.run = harness.StartWait(t, temporalClient, taskQueue, wait.in)
		require.Eventually(t, func() bool { // until the attempt's failure is known to the server
			description, err := temporalClient.DescribeWorkflow(harness.Context(t), wait.run.GetID(),
				wait.run.GetRunID())
			if err != nil {
				return false
			}
			pending := description.RawResponse.GetPendingActivities()
			return len(pending) == 1 && pending[0].GetAttempt() == 2
		}, harness.Patience, 20*time.Millisecond, wait.name)
	}

	require.NoError(t, server.Kill())
	harness.StartServer(t, options)

	for _, wait := range waits {
		var output workflows.AwaitTaskResultOutput
		run := temporalClient.GetWorkflow(harness.Context(t), wait.run.GetID(), wait.run.GetRunID())
		require.NoError(t, run.Get(harness.Context(t), &output), wait.name)
		require.JSONEq(t, `{"text":"abc"}`, string(output.Solution), wait.name)
		requests := service.RequestsFor(wait.in.TaskID)
		require.Len(t, requests, 2, wait.name)
		require.GreaterOrEqual(t, requests[1].Arrived.Sub(requests[0].Arrived), delay, wait.name)
	}
}
