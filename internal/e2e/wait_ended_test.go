package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// deadTask is a wait that ends while something of it is left to do.
type deadTask struct {
	name    string
	answers []simulator.Answer
	in      workflows.AwaitTaskResultInput // less the task's id
	// runTimeout is the server's own timeout, which whoever starts the wait may set.
	runTimeout time.Duration
	// until waits for the state in which end is called. nil: the wait ends by itself.
	until func(*testing.T, *simulator.Server, client.Client, client.WorkflowRun, int64)
	end   func(*testing.T, client.Client, client.WorkflowRun)

	errorCode string // "": it is ready
	requests  int    // asManyAsFit: whatever comes before its end
	// record is how the server remembers, for good, a poll that was not over: because its request
	// was under way, or because its workflow was terminated, so that nobody could cancel the poll.
	// 0: it remembers none.
	record enumspb.PendingActivityState
}

const (
	asManyAsFit = -1

	// onItsWay is how long a request may take that was sent in the last moment.
	onItsWay = 2 * time.Second

	// runTimeout leaves a busy machine the time to send a request, and ends before a request is
	// given up.
	runTimeout = 13 * time.Second
)

func deadTasks() []deadTask {
	var (
		stalled    = []simulator.Answer{simulator.Stalled(0)}
		down       = []simulator.Answer{simulator.RetryAfter(503, "60")}
		processing = []simulator.Answer{simulator.Processing()}
		slow       = []simulator.Answer{simulator.Ready(`{}`).WithDelay(10 * time.Second)}
		underWay   = enumspb.PENDING_ACTIVITY_STATE_STARTED
		canceled   = enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
		due        = enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
		atOnce     = workflows.AwaitTaskResultInput{InitialDelay: time.Millisecond}
		anHourOn   = workflows.AwaitTaskResultInput{InitialDelay: time.Hour, Timeout: 2 * time.Hour}
		anHourLate = workflows.AwaitTaskResultInput{InitialDelay: time.Millisecond, PollInterval: time.Hour,
			Timeout: 2 * time.Hour}

		byRetries = workflows.AwaitTaskResultInput{InitialDelay: time.Millisecond,
			Polling: workflows.PollingActivityRetry}
		anHourLateByRetries = workflows.AwaitTaskResultInput{InitialDelay: time.Millisecond, PollInterval: time.Hour,
			Timeout: 2 * time.Hour, Polling: workflows.PollingActivityRetry}
		thenStalled = []simulator.Answer{simulator.Processing(), simulator.Stalled(0)}
	)
	return []deadTask{
		{name: "its deadline in a timer", answers: processing, errorCode: workflows.ErrorTypeTaskTimeout, requests: 2,
			in: workflows.AwaitTaskResultInput{InitialDelay: time.Millisecond, PollInterval: 10 * time.Second, Timeout: 14 * time.Second}},
		{name: "ready after its deadline", answers: []simulator.Answer{simulator.Stalled(0), simulator.Ready(`{}`)}, requests: 2,
			in: workflows.AwaitTaskResultInput{InitialDelay: time.Millisecond, Timeout: time.Millisecond}},
		{name: "the server's timeout in a timer", answers: processing, in: anHourOn, runTimeout: runTimeout,
			errorCode: workflows.TimedOut, requests: 0},
		// The server ends a poll at once whose retry would come after the workflow's end.
		{name: "the server's timeout in the timer after a failed poll", answers: down, in: atOnce, runTimeout: runTimeout,
			errorCode: workflows.TimedOut, requests: 1},
		// It doesn't see that the retry of a later poll would.
		{name: "the server's timeout while a retry is pending", answers: []simulator.Answer{simulator.HTMLPage()}, in: atOnce,
			runTimeout: runTimeout, errorCode: workflows.TimedOut, requests: asManyAsFit, record: due},
		{name: "the server's timeout with a request under way", answers: stalled, in: atOnce, runTimeout: runTimeout,
			errorCode: workflows.TimedOut, requests: 1, record: underWay},

		{name: "canceled in its first timer", answers: processing, in: anHourOn, until: untilWaiting, end: cancelWait,
			errorCode: workflows.Canceled, requests: 0},
		{name: "canceled between two polls", answers: processing, in: anHourLate, until: untilWaitingAgain, end: cancelWait,
			errorCode: workflows.Canceled, requests: 1},
		{name: "canceled while a retry is pending", answers: down, in: atOnce, until: untilRetrying, end: cancelWait,
			errorCode: workflows.Canceled, requests: 1},
		{name: "canceled with a request under way that is never answered", answers: stalled, in: atOnce, until: untilAsking, end: cancelWait,
			errorCode: workflows.Canceled, requests: 1, record: canceled},
		{name: "canceled with a request under way that is answered", answers: slow, in: atOnce, until: untilAsking, end: cancelWait,
			errorCode: workflows.Canceled, requests: 1, record: canceled},
		{name: "terminated in its first timer", answers: processing, in: anHourOn, until: untilWaiting, end: terminateWait,
			errorCode: workflows.Terminated, requests: 0},
		{name: "terminated between two polls", answers: processing, in: anHourLate, until: untilWaitingAgain, end: terminateWait,
			errorCode: workflows.Terminated, requests: 1},
		{name: "terminated while a retry is pending", answers: down, in: atOnce, until: untilRetrying, end: terminateWait,
			errorCode: workflows.Terminated, requests: 1, record: due},
		{name: "terminated with a request under way", answers: stalled, in: atOnce, until: untilAsking, end: terminateWait,
			errorCode: workflows.Terminated, requests: 1, record: underWay},

		{name: "its deadline by retries", answers: processing, errorCode: workflows.ErrorTypeTaskTimeout, requests: 2,
			in: workflows.AwaitTaskResultInput{InitialDelay: time.Millisecond, PollInterval: 10 * time.Second, Timeout: 14 * time.Second,
				Polling: workflows.PollingActivityRetry}},
		{name: "the server's timeout between two polls by retries", answers: processing, in: anHourLateByRetries,
			runTimeout: runTimeout, errorCode: workflows.TimedOut, requests: 1}, // no other attempt fits
		{name: "canceled between two polls by retries", answers: processing, in: anHourLateByRetries,
			until: untilRetrying, end: cancelWait, errorCode: workflows.Canceled, requests: 1},
		{name: "canceled with its second request by retries under way", answers: thenStalled, in: byRetries,
			until: untilAskingAgain, end: cancelWait, errorCode: workflows.Canceled, requests: 2, record: canceled},
		{name: "terminated between two polls by retries", answers: processing, in: anHourLateByRetries,
			until: untilRetrying, end: terminateWait, errorCode: workflows.Terminated, requests: 1, record: due},
		{name: "terminated with its second request by retries under way", answers: thenStalled, in: byRetries,
			until: untilAskingAgain, end: terminateWait, errorCode: workflows.Terminated, requests: 2, record: underWay},

		{name: "failed", answers: []simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")}, in: atOnce,
			errorCode: "ERROR_CAPTCHA_UNSOLVABLE", requests: 1},
		{name: "refused", answers: processing, in: workflows.AwaitTaskResultInput{PollInterval: time.Second},
			errorCode: activities.ErrorTypeInvalidInput, requests: 0},
		{name: "ready", answers: []simulator.Answer{simulator.Ready(`{}`)}, in: atOnce, requests: 1},
	}
}

// TestDeadTasksAreLeftAlone ends waits in every state that they can be in. Then another wait of the
// same worker goes through all that could still come of them: a request that is given up, a retry
// and a poll. When that wait has ended, nothing has come of the others.
func TestDeadTasksAreLeftAlone(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	rows := deadTasks()
	runs := make([]client.WorkflowRun, len(rows))
	for i := range rows {
		row := &rows[i]
		row.in.TaskID = harness.NewTaskID()
		service.Script(row.in.TaskID, row.answers...)
		options := workflows.StartOptions(row.in.TaskID)
		options.TaskQueue, options.WorkflowRunTimeout = taskQueue, row.runTimeout
		var err error
		runs[i], err = temporalClient.ExecuteWorkflow(harness.Context(t), options,
			workflows.AwaitTaskResultWorkflow, row.in)
		require.NoError(t, err)
		if row.until != nil {
			row.until(t, service, temporalClient, runs[i], row.in.TaskID)
			row.end(t, temporalClient, runs[i])
			require.Equal(t, row.errorCode, workflows.ErrorCode(runs[i].Get(harness.Context(t), nil)), row.name)
		}
	}
	for i := range rows {
		require.Equal(t, rows[i].errorCode, workflows.ErrorCode(runs[i].Get(harness.Context(t), nil)), rows[i].name)
	}

	alive := harness.NewTaskID()
	service.Script(alive, simulator.Stalled(0), simulator.HTMLPage(), simulator.Processing(), simulator.Ready(`{}`))
	run := harness.StartWait(t, temporalClient, taskQueue, harness.Soon(alive))
	require.NoError(t, run.Get(harness.Context(t), nil))
	require.Len(t, service.RequestsFor(alive), 4)

	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			description, err := temporalClient.DescribeWorkflow(harness.Context(t), runs[i].GetID(), runs[i].GetRunID())
			require.NoError(t, err)
			requests := service.RequestsFor(row.in.TaskID)
			// A busy machine may not come to its first request before the server's timeout.
			late := row.runTimeout != 0 && len(requests) < row.requests
			if row.requests != asManyAsFit && !late {
				require.Len(t, requests, row.requests)
			}
			closed := description.RawResponse.GetWorkflowExecutionInfo().GetCloseTime().AsTime()
			for _, request := range requests {
				require.Less(t, request.Arrived.Sub(closed), onItsWay, "a request for a task that was dead")
			}
			var record enumspb.PendingActivityState
			for _, pending := range description.RawResponse.GetPendingActivities() {
				record = pending.GetState()
			}
			if row.runTimeout != 0 {
				require.Contains(t, []enumspb.PendingActivityState{0, row.record}, record)
			} else {
				require.Equal(t, row.record, record)
				require.Nil(t, description.RawResponse.GetPendingWorkflowTask())
			}
			harness.UndisturbedHistory(t, temporalClient, runs[i].GetID(), runs[i].GetRunID())
		})
	}
}

// untilWaiting is the state before the first poll.
func untilWaiting(t *testing.T, _ *simulator.Server, temporalClient client.Client, run client.WorkflowRun, _ int64) {
	require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, temporalClient, run).State)
}

// untilWaitingAgain is the state after the first poll.
func untilWaitingAgain(t *testing.T, service *simulator.Server, temporalClient client.Client, run client.WorkflowRun, taskID int64) {
	require.NoError(t, service.WaitForAnswers(harness.Context(t), taskID, 1))
	require.Eventually(t, func() bool {
		var status workflows.AwaitTaskResultStatus
		answer, err := temporalClient.QueryWorkflow(context.Background(), run.GetID(), run.GetRunID(),
			workflows.StatusQuery)
		return err == nil && answer.Get(&status) == nil && status.State == workflows.StateWaiting && status.Polls == 1
	}, harness.Patience, 20*time.Millisecond, "the poll does not end")
}

// untilRetrying is the state between two attempts of a poll.
func untilRetrying(t *testing.T, _ *simulator.Server, temporalClient client.Client, run client.WorkflowRun, _ int64) {
	harness.WaitForFailedAttempt(t, temporalClient, run)
}

// untilAsking is the state in which a request is under way.
func untilAsking(t *testing.T, service *simulator.Server, _ client.Client, _ client.WorkflowRun, taskID int64) {
	require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 1))
}

// untilAskingAgain is the state in which a second request is under way.
func untilAskingAgain(t *testing.T, service *simulator.Server, _ client.Client, _ client.WorkflowRun, taskID int64) {
	require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 2))
}

func cancelWait(t *testing.T, temporalClient client.Client, run client.WorkflowRun) {
	require.NoError(t, temporalClient.CancelWorkflow(harness.Context(t), run.GetID(), run.GetRunID()))
}

func terminateWait(t *testing.T, temporalClient client.Client, run client.WorkflowRun) {
	require.NoError(t, temporalClient.TerminateWorkflow(harness.Context(t), run.GetID(), run.GetRunID(),
		"the task is dead"))
}
