package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
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

// TestActivityRetryByTheCLI starts polling by retries as anyone may, and looks at the server's side
// of it.
func TestActivityRetryByTheCLI(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	taskID, temporalClient := harness.NewTaskID(), harness.Dial(t)
	processing := simulator.Processing()
	service.Script(taskID, processing, processing, processing, processing, simulator.Ready(`{"text":"abc"}`))
	worker := harness.StartWorker(t, taskQueue, service.URL())
	started := harness.RunCLI(t, "workflow", "start", "--task-queue", taskQueue, "--type", workflows.AwaitTaskResultWorkflow,
		"--workflow-id", workflows.WorkflowID(taskID),
		"--input", fmt.Sprintf(`{"taskId":%d,"pollInterval":"6s","polling":"activityRetry"}`, taskID))
	require.Equal(t, 0, started.Status, started.Stderr)
	run := temporalClient.GetWorkflow(harness.Context(t), workflows.WorkflowID(taskID), "")

	pending := harness.WaitForFailedAttempt(t, temporalClient, run)
	failure := pending.GetLastFailure()
	require.Equal(t, activities.ErrorTypeNotReady, failure.GetApplicationFailureInfo().GetType())
	require.Equal(t, enumspb.APPLICATION_ERROR_CATEGORY_BENIGN, failure.GetApplicationFailureInfo().GetCategory())
	require.Regexp(t, fmt.Sprintf(`^task %d: not ready, the next poll is due in 6(\.\d+)?s$`, taskID),
		failure.GetMessage())
	attempts := pending.GetAttempt() - 1
	require.Equal(t, map[string]any{
		"taskId": float64(taskID), "polls": float64(attempts), "lastStatus": "processing",
		"lastError": strings.TrimPrefix(failure.GetMessage(), fmt.Sprintf("task %d: ", taskID)),
	}, harness.ErrorDetails(t, failure))
	asked := failure.GetApplicationFailureInfo().GetNextRetryDelay().AsDuration()
	require.GreaterOrEqual(t, asked, 6*time.Second)
	require.LessOrEqual(t, asked, 6600*time.Millisecond, "10 %% of jitter")
	last := service.RequestsFor(taskID)[attempts-1]
	require.GreaterOrEqual(t, pending.GetNextAttemptScheduleTime().AsTime().Sub(last.Arrived), asked,
		"the server keeps to it")
	require.Equal(t, workflows.StatePolling, harness.StatusOf(t, temporalClient, run).State)

	result := harness.RunCLI(t, "workflow", "result", "--workflow-id", workflows.WorkflowID(taskID), "--output", "json")
	require.Equal(t, 0, result.Status, result.Stderr)
	var printed struct{ Result map[string]any }
	require.NoError(t, json.Unmarshal([]byte(result.Stdout), &printed), result.Stdout)
	require.Equal(t, "ready", printed.Result["status"])
	require.Equal(t, map[string]any{"text": "abc"}, printed.Result["solution"])
	requests := service.RequestsFor(taskID)
	require.Len(t, requests, 5)
	require.Equal(t, float64(5), printed.Result["polls"])
	for i := range requests[1:] {
		require.GreaterOrEqual(t, requests[i+1].Arrived.Sub(requests[i].Arrived), 6*time.Second,
			"the schedule's interval")
	}
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.Equal(t, 1, harness.CountOf(history, enumspb.EVENT_TYPE_TIMER_STARTED))
	require.Equal(t, 1, harness.CountOf(history, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED))
	// On a busy machine the server may repeat a workflow task.
	if harness.CountOf(history, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT) == 0 {
		require.Len(t, history, harness.CostOfFirstPoll, "whatever the number of polls")
	}
	require.NotContains(t, worker.Stderr(), activities.ErrorTypeNotReady,
		"a task that is processing is no matter for a log")
}

// TestActivityRetryWithoutAWorker has no worker from the first attempt on until the activity has
// timed out. The last poll is made all the same, as soon as there is a worker again.
func TestActivityRetryWithoutAWorker(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	taskID, temporalClient := harness.NewTaskID(), harness.Dial(t)
	service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	worker := harness.StartWorker(t, taskQueue, service.URL())
	const timeout = 20 * time.Second
	run := harness.StartWait(t, temporalClient, taskQueue, workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond,
		PollInterval: 8 * time.Second, Timeout: timeout, Polling: workflows.PollingActivityRetry})
	harness.WaitForFailedAttempt(t, temporalClient, run)
	worker.Signal(t, syscall.SIGKILL)
	timedOut := harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT)
	started := harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
	failure := timedOut.GetActivityTaskTimedOutEventAttributes().GetFailure()
	require.Equal(t, activities.ErrorTypeNotReady, failure.GetCause().GetApplicationFailureInfo().GetType(), "%s", failure)
	require.GreaterOrEqual(t, timedOut.GetEventTime().AsTime().Sub(started.GetEventTime().AsTime()), timeout)
	require.Len(t, service.RequestsFor(taskID), 1)

	harness.StartWorker(t, taskQueue, service.URL())

	var output workflows.AwaitTaskResultOutput
	require.NoError(t, run.Get(harness.Context(t), &output))
	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Equal(t, 2, output.Polls)
	require.Len(t, service.RequestsFor(taskID), 2)
	harness.RequireSpaced(t, service, taskID)
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.Equal(t, 2, harness.CountOf(history, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
		"the last poll has an activity of its own")
}

// TestActivityRetryWithWorkersKilled kills one worker between two attempts, and the next one while
// a request is under way.
func TestActivityRetryWithWorkersKilled(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	taskID, temporalClient := harness.NewTaskID(), harness.Dial(t)
	service.Script(taskID, simulator.Processing(), simulator.Stalled(0), simulator.Processing(),
		simulator.Ready(`{"text":"abc"}`))
	worker := harness.StartWorker(t, taskQueue, service.URL())
	run := harness.StartWait(t, temporalClient, taskQueue, workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond,
		Polling: workflows.PollingActivityRetry})
	harness.WaitForFailedAttempt(t, temporalClient, run)
	worker.Signal(t, syscall.SIGKILL)
	worker = harness.StartWorker(t, taskQueue, service.URL())
	require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 2))
	worker.Signal(t, syscall.SIGKILL)
	harness.StartWorker(t, taskQueue, service.URL())

	var output workflows.AwaitTaskResultOutput
	require.NoError(t, run.Get(harness.Context(t), &output))
	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Len(t, service.RequestsFor(taskID), 4, "the one whose answer is lost is made again")
	require.GreaterOrEqual(t, output.Polls, 4,
		"an attempt may have been given to a worker that was killed before it asked")
	harness.RequireSpaced(t, service, taskID)
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.Equal(t, 1, harness.CountOf(history, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED))
}

// TestActivityRetryThroughAThousandSignals cancels the activity that waits, once for many signals.
func TestActivityRetryThroughAThousandSignals(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	in := workflows.AwaitTaskResultInput{TaskID: harness.NewTaskID(), InitialDelay: time.Millisecond,
		PollInterval: time.Minute, Polling: workflows.PollingActivityRetry}
	service.Script(in.TaskID, simulator.Processing())
	run := harness.StartWait(t, temporalClient, taskQueue, in)
	harness.WaitForFailedAttempt(t, temporalClient, run)

	harness.SignalManyTimes(t, temporalClient, run, func(int) any { return workflows.TaskCallback{TaskID: in.TaskID} })
	service.Script(in.TaskID, simulator.Ready(`{}`))

	var output workflows.AwaitTaskResultOutput
	require.NoError(t, run.Get(harness.Context(t), &output))
	requests := len(service.RequestsFor(in.TaskID))
	require.GreaterOrEqual(t, output.Polls, requests)
	// Nobody tells how many attempts an activity had that was canceled.
	require.LessOrEqual(t, output.Polls, requests+2)
	harness.RequireSpaced(t, service, in.TaskID)
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	signals := harness.CountOf(history, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
	require.GreaterOrEqual(t, signals, harness.ManySignals)
	activities := harness.CountOf(history, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
	require.GreaterOrEqual(t, activities, 2, "the one that waited was canceled")
	require.LessOrEqual(t, activities, output.Polls)
	require.LessOrEqual(t, len(history), 20*activities+4*signals, "each signal with a workflow task at the most")
}

// outcomeOfEachPolling is what becomes of a task, whichever way its wait polls. None has an answer
// that tells the worker to be silent, since the waits share one.
type outcomeOfEachPolling struct {
	name    string
	answers []simulator.Answer
	// timeout is 0 for the default, as is the interval. Otherwise the interval is longer, so that the
	// polls are as many if a busy machine makes the first one 19 seconds late.
	timeout time.Duration

	errorCode string // "": it is ready
	expired   bool
	requests  int
	// polls of the timer loop; with activityRetry each request is one, except for the last poll's
	// repeats.
	polls, repeats int
	// unseen tells that the timer loop alone knows that the task has been there.
	unseen bool
}

var outcomesOfEachPolling = []outcomeOfEachPolling{
	{name: "ready at once", answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)}, requests: 1, polls: 1},
	{name: "ready later", requests: 3, polls: 3,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`)}},
	{name: "down, then ready", requests: 3, polls: 1,
		answers: []simulator.Answer{simulator.HTMLPage(), simulator.DroppedConnection(), simulator.Ready(`{"text":"abc"}`)}},
	{name: "busy, then ready", requests: 2, polls: 1,
		answers: []simulator.Answer{simulator.RetryAfter(503, "7"), simulator.Ready(`{"text":"abc"}`)}},
	{name: "odd, then ready", requests: 3, polls: 2,
		answers: []simulator.Answer{simulator.Processing(), simulator.Body(`{}`), simulator.Ready(`{"text":"abc"}`)}},
	{name: "unsolvable", requests: 1, polls: 1, errorCode: "ERROR_CAPTCHA_UNSOLVABLE",
		answers: []simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")}},
	{name: "unsolvable later", requests: 2, polls: 2, errorCode: "ERROR_CAPTCHA_UNSOLVABLE",
		answers: []simulator.Answer{simulator.Processing(), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")}},
	{name: "an unknown code", requests: 1, polls: 1, errorCode: "ERROR_OF_THE_FUTURE",
		answers: []simulator.Answer{simulator.Error("ERROR_OF_THE_FUTURE").WithHTTPStatus(402)}},
	{name: "a gateway's code, then ready", requests: 2, polls: 1,
		answers: []simulator.Answer{simulator.Error("ERROR_OF_THE_FUTURE").WithHTTPStatus(503), simulator.Ready(`{"text":"abc"}`)}},
	{name: "an unknown task", requests: 1, polls: 1, errorCode: harness.NoSuchTask,
		answers: []simulator.Answer{simulator.Expired()}},
	{name: "expired", requests: 2, polls: 2, errorCode: harness.NoSuchTask, expired: true, unseen: true,
		answers: []simulator.Answer{simulator.Processing(), simulator.Expired()}},
	{name: "an error without a code", requests: 1, polls: 1, errorCode: activities.ErrorTypeUnexpectedResponse,
		answers: []simulator.Answer{simulator.Body(`{"errorId":7}`)}},
	{name: "never ready", requests: 3, polls: 3, errorCode: workflows.ErrorTypeTaskTimeout, timeout: 44 * time.Second,
		answers: []simulator.Answer{simulator.Processing()}},
	{name: "down at the deadline", requests: 4, polls: 3, repeats: 1, timeout: 44 * time.Second,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.HTMLPage(), simulator.Ready(`{"text":"abc"}`)}},
	{name: "ready at the deadline", requests: 3, polls: 3, timeout: 44 * time.Second,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`)}},
	{name: "away beyond the deadline", requests: 2, polls: 2, timeout: 44 * time.Second,
		answers: []simulator.Answer{simulator.RetryAfter(503, "60"), simulator.Ready(`{"text":"abc"}`)}},
}

func TestOutcomesWithEachPolling(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	pollings := []workflows.Polling{workflows.PollingTimer, workflows.PollingActivityRetry}
	runs := map[workflows.Polling][]client.WorkflowRun{}
	taskIDs := map[workflows.Polling][]int64{}
	for _, polling := range pollings {
		for _, row := range outcomesOfEachPolling {
			in := workflows.AwaitTaskResultInput{TaskID: harness.NewTaskID(), InitialDelay: time.Millisecond,
				Polling: polling}
			if row.timeout != 0 {
				in.PollInterval, in.Timeout = 20*time.Second, row.timeout
			}
			service.Script(in.TaskID, row.answers...)
			runs[polling] = append(runs[polling], harness.StartWait(t, temporalClient, taskQueue, in))
			taskIDs[polling] = append(taskIDs[polling], in.TaskID)
		}
	}

	for _, polling := range pollings {
		for i, row := range outcomesOfEachPolling {
			t.Run(row.name+" by "+string(polling), func(t *testing.T) {
				row.requireOutcome(t, temporalClient, service, polling, runs[polling][i], taskIDs[polling][i])
			})
		}
	}
	require.Empty(t, service.CloserThan(harness.MinSpacing))
}

func (row outcomeOfEachPolling) requireOutcome(
	t *testing.T, temporalClient client.Client, service *simulator.Server, polling workflows.Polling, run client.WorkflowRun, taskID int64,
) {
	t.Helper()
	var output workflows.AwaitTaskResultOutput
	err := run.Get(harness.Context(t), &output)
	require.Equal(t, row.errorCode, workflows.ErrorCode(err))
	requests := service.RequestsFor(taskID)
	require.Len(t, requests, row.requests)
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	polls, seen := row.polls, true
	if polling == workflows.PollingActivityRetry {
		polls, seen = row.requests-row.repeats, !row.unseen
	}
	if row.errorCode == "" {
		require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
		require.Equal(t, polls, output.Polls)
	} else {
		failure := harness.FailureOf(t, history)
		require.True(t, failure.GetApplicationFailureInfo().GetNonRetryable())
		details := harness.ErrorDetails(t, failure)
		require.Equal(t, float64(taskID), details["taskId"])
		require.Equal(t, float64(polls), details["polls"])
		require.Equal(t, row.expired && seen, details["expired"] == true)
	}
	if row.timeout != 0 {
		started := history[0].GetEventTime().AsTime()
		last := len(requests) - 1 - row.repeats
		require.GreaterOrEqual(t, requests[last].Arrived.Sub(started), row.timeout, "the last poll is on the deadline")
		require.Less(t, requests[last-1].Arrived.Sub(started), row.timeout)
	}
}
