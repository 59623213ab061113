package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestCallbackByRetriesCancelsTheWaitingAttempt has a call come while pollTaskResult waits an hour
// for its next attempt.
func TestCallbackByRetriesCancelsTheWaitingAttempt(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	in := hourlyByRetries(harness.NewTaskID())
	service.Script(in.TaskID, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	run := harness.StartWait(t, temporalClient, taskQueue, in)
	harness.WaitForFailedAttempt(t, temporalClient, run)

	harness.WakeUp(t, temporalClient, run, in.TaskID)

	requireReady(t, run, 3) // the call came a moment before its result was there
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	at := slices.IndexFunc(history, func(event *historypb.HistoryEvent) bool {
		return event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED
	})
	require.NotEqual(t, -1, at, "the attempt that waited is canceled")
	requests := service.RequestsFor(in.TaskID)
	require.Len(t, requests, 3)
	for i, after := range []time.Time{history[at].GetEventTime().AsTime(), requests[1].Finished} {
		require.GreaterOrEqual(t, requests[i+1].Arrived.Sub(after), harness.MinSpacing, "request %d", i+2)
	}
}

// TestCallbackByRetriesWhileAnAttemptIsUnderWay has a call come while the service takes its time to
// answer. The answer counts.
func TestCallbackByRetriesWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	const slow = 6 * time.Second
	ready := simulator.Ready(`{"text":"abc"}`)
	for _, row := range []struct {
		name     string
		interval time.Duration
		answers  []simulator.Answer
		calledAt int // the number of the request that is under way
	}{
		{name: "whose answer is the result", interval: time.Hour, answers: []simulator.Answer{ready.WithDelay(slow)}, calledAt: 1},
		{name: "whose answer is that it is processing", interval: time.Hour, calledAt: 1,
			answers: []simulator.Answer{simulator.Processing().WithDelay(slow), ready}},
		{name: "which is not the first", interval: harness.MinSpacing, calledAt: 2,
			answers: []simulator.Answer{simulator.Processing(), ready.WithDelay(slow)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			in := hourlyByRetries(harness.NewTaskID())
			in.PollInterval = row.interval
			service.Script(in.TaskID, row.answers...)
			run := harness.StartWait(t, temporalClient, taskQueue, in)
			require.NoError(t, service.WaitForRequests(harness.Context(t), in.TaskID, row.calledAt))

			harness.WakeUp(t, temporalClient, run, in.TaskID)

			requireReady(t, run, len(row.answers))
			requests := service.RequestsFor(in.TaskID)
			require.Len(t, requests, len(row.answers))
			for i := range requests[1:] {
				require.GreaterOrEqual(t, requests[i+1].Arrived.Sub(requests[i].Finished), harness.MinSpacing)
			}
		})
	}
}

// hourlyByRetries is a wait that polls at once, and then every hour unless it is called.
func hourlyByRetries(taskID int64) workflows.AwaitTaskResultInput {
	return workflows.AwaitTaskResultInput{
		TaskID: taskID, Callback: true, Polling: workflows.PollingActivityRetry,
		InitialDelay: time.Millisecond, PollInterval: time.Hour, Timeout: 10 * time.Hour,
	}
}
