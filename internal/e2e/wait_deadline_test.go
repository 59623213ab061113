package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

var bothPollings = []workflows.Polling{workflows.PollingTimer, workflows.PollingActivityRetry}

// nearDeadline is a wait of two polls: the second one is the last.
func nearDeadline(taskID int64, polling workflows.Polling) workflows.AwaitTaskResultInput {
	return workflows.AwaitTaskResultInput{
		TaskID: taskID, Polling: polling,
		InitialDelay: time.Millisecond, PollInterval: 10 * time.Second, Timeout: 12 * time.Second,
	}
}

// onDeadline is a wait whose first poll is its last.
func onDeadline(taskID int64, polling workflows.Polling, timeout time.Duration) workflows.AwaitTaskResultInput {
	return workflows.AwaitTaskResultInput{TaskID: taskID, Polling: polling, InitialDelay: timeout, Timeout: timeout}
}

// requireReady requires that the wait has the task's result, after so many polls.
func requireReady(t *testing.T, run client.WorkflowRun, polls int) {
	t.Helper()
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, run.Get(harness.Context(t), &output), "%s: the result is ready at the service", run.GetID())
	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Equal(t, polls, output.Polls, "%s", run.GetID())
}

// TestFaultOnTheDeadline has the service fail once when the last poll comes. The result is there
// 5 seconds later.
func TestFaultOnTheDeadline(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	type faultyWait struct {
		name string
		run  client.WorkflowRun
		in   workflows.AwaitTaskResultInput
	}
	var waits []faultyWait
	for _, fault := range []struct {
		name   string
		answer simulator.Answer
	}{
		{"an HTTP 500", simulator.Status(http.StatusInternalServerError, "oops")},
		{"the page of a CDN", simulator.HTMLPage()},
		{"a kept-alive connection that is closed as the request comes", simulator.DroppedConnection()},
		{"a kept-alive connection that is reset as the request comes", simulator.ResetConnection()},
		{"half an answer", simulator.TruncatedBody()},
		{"a delay", simulator.RetryAfter(http.StatusServiceUnavailable, "7")},
	} {
		for _, polling := range bothPollings {
			in := nearDeadline(harness.NewTaskID(), polling)
			service.Script(in.TaskID, simulator.Processing(), fault.answer, simulator.Ready(`{"text":"abc"}`))
			waits = append(waits, faultyWait{fault.name + " by " + string(polling),
				harness.StartWait(t, temporalClient, taskQueue, in), in})
		}
	}

	for _, wait := range waits {
		t.Run(wait.name, func(t *testing.T) {
			requireReady(t, wait.run, 2)
			require.Len(t, service.RequestsFor(wait.in.TaskID), 3)
			harness.RequireSpaced(t, service, wait.in.TaskID)
		})
	}
}

// TestWorkerKilledInItsLastPoll kills the worker while the answer to the last poll is on its way,
// and starts it again at once.
func TestWorkerKilledInItsLastPoll(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	worker := harness.StartWorker(t, taskQueue, service.URL())
	var runs []client.WorkflowRun
	var taskIDs []int64
	for _, polling := range bothPollings {
		in := nearDeadline(harness.NewTaskID(), polling)
		service.Script(in.TaskID, simulator.Processing(), simulator.Stalled(0), simulator.Ready(`{"text":"abc"}`))
		runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, in))
		taskIDs = append(taskIDs, in.TaskID)
	}
	for _, taskID := range taskIDs {
		require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 2))
	}

	worker.Signal(t, syscall.SIGKILL)
	harness.StartWorker(t, taskQueue, service.URL())

	for i, run := range runs {
		requireReady(t, run, 2)
		require.Len(t, service.RequestsFor(taskIDs[i]), 3)
		harness.RequireSpaced(t, service, taskIDs[i])
	}
}

// TestInlineWaitWithoutAWorkerOverItsDeadline has workflows of someone else's, whose worker runs,
// and polls on a task queue that no worker serves from before the deadline until 30 s later.
func TestInlineWaitWithoutAWorkerOverItsDeadline(t *testing.T) {
	t.Parallel()
	const away = 30 * time.Second
	service, polls, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	callers := harness.StartCallers(t, temporalClient)
	worker := harness.StartWorker(t, polls, service.URL())
	var runs []client.WorkflowRun
	var taskIDs []int64
	for _, polling := range bothPollings {
		in := nearDeadline(harness.NewTaskID(), polling)
		service.Script(in.TaskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
		options := client.StartWorkflowOptions{ID: workflows.WorkflowID(in.TaskID), TaskQueue: callers}
		run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, harness.WaitInline, in, polls)
		require.NoError(t, err)
		runs, taskIDs = append(runs, run), append(taskIDs, in.TaskID)
	}
	for _, taskID := range taskIDs {
		harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
	}
	worker.Signal(t, syscall.SIGKILL)
	for _, taskID := range taskIDs {
		last := harness.WaitForEvents(t, temporalClient, taskID,
			enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
		time.Sleep(time.Until(last.GetEventTime().AsTime().Add(away)))
	}

	harness.StartWorker(t, polls, service.URL())

	for i, run := range runs {
		var result harness.CallerResult
		require.NoError(t, run.Get(harness.Context(t), &result))
		require.Equal(t, "", result.ErrorCode, "the result is ready at the service")
		require.JSONEq(t, `{"text":"abc"}`, string(result.Output.Solution))
		require.Equal(t, 2, result.Output.Polls)
		require.Len(t, service.RequestsFor(taskIDs[i]), 2)
	}
}

// TestManyDeadlinesUnderARequestLimit has so many last polls due at the same time that most of them
// have to wait for their turn, for longer than an answer may take.
func TestManyDeadlinesUnderARequestLimit(t *testing.T) {
	t.Parallel()
	const waits = 40
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorkerWith(t,
		[]string{"TWOCAPTCHA_API_KEY=" + harness.ClientKey, "TWOCAPTCHA_MAX_REQUESTS_PER_SECOND=1"}, taskQueue, service.URL())

	runs := startOnDeadline(t, temporalClient, service, taskQueue, waits, 10*time.Second, simulator.Ready(`{"text":"abc"}`))

	for _, run := range runs {
		requireReady(t, run, 1)
	}
	require.Len(t, service.Requests(), waits, "one for each")
}

// TestWorkersAwayOverTheDeadlines has no worker from before the deadlines until after them.
func TestWorkersAwayOverTheDeadlines(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		limit   int // requests a second of the worker that comes then; 0: none
		waits   int
		answers []simulator.Answer
	}{
		{name: "then one worker with a limit", limit: 1, waits: 36,
			answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)}},
		{name: "then a worker and a fault", waits: 8,
			answers: []simulator.Answer{simulator.Status(http.StatusBadGateway, "oops"), simulator.Ready(`{"text":"abc"}`)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const timeout = 12 * time.Second
			service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
			worker := harness.StartWorker(t, taskQueue, service.URL())
			runs := startOnDeadline(t, temporalClient, service, taskQueue, row.waits, timeout, row.answers...)
			var started time.Time
			for _, run := range runs {
				taskID := taskOf(t, run)
				harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_TIMER_STARTED)
				started = harness.WaitForEvents(t, temporalClient, taskID,
					enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED).GetEventTime().AsTime()
			}
			worker.Signal(t, syscall.SIGKILL)
			time.Sleep(time.Until(started.Add(timeout)))

			harness.StartWorker(t, taskQueue, service.URL(), "--max-requests-per-second", strconv.Itoa(row.limit))

			for _, run := range runs {
				requireReady(t, run, 1)
				require.Len(t, service.RequestsFor(taskOf(t, run)), len(row.answers))
			}
			require.Empty(t, service.CloserThan(harness.MinSpacing))
		})
	}
}

// startOnDeadline starts waits whose first poll is their last, half of them in each polling.
func startOnDeadline(
	t *testing.T, temporalClient client.Client, service *simulator.Server, taskQueue string, waits int, timeout time.Duration,
	answers ...simulator.Answer,
) (runs []client.WorkflowRun) {
	t.Helper()
	for i := range waits {
		in := onDeadline(harness.NewTaskID(), bothPollings[i%len(bothPollings)], timeout)
		service.Script(in.TaskID, answers...)
		runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, in))
	}
	return runs
}

// taskOf is the task that a wait is for.
func taskOf(t *testing.T, run client.WorkflowRun) (taskID int64) {
	t.Helper()
	_, err := fmt.Sscanf(run.GetID(), "2captcha-task-%d", &taskID)
	require.NoError(t, err)
	return taskID
}

// TestServiceDownForGood has no answer to the last poll's seven requests, which takes two minutes.
// When the task is awaited again, its result is there.
func TestServiceDownForGood(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	var starters []*harness.Process
	var taskIDs []int64
	for _, polling := range bothPollings {
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Status(http.StatusInternalServerError, "oops"))
		starters = append(starters, harness.StartStarter(t, taskQueue, "--polling", string(polling),
			"--initial-delay", "1ms", "--timeout", "1ms", strconv.FormatInt(taskID, 10)))
		taskIDs = append(taskIDs, taskID)
	}

	for i, starter := range starters {
		require.NoError(t, service.WaitForRequests(harness.Context(t), taskIDs[i], 4))
		done := starter.Wait(t)
		require.Equal(t, 1, done.Status, done.Stderr)
		var failure struct {
			TaskID            int64
			Status, ErrorCode string
		}
		require.NoError(t, json.Unmarshal([]byte(done.Stdout), &failure), done.Stdout)
		require.Equal(t, taskIDs[i], failure.TaskID)
		require.Equal(t, "failed", failure.Status)
		require.Equal(t, "NoAnswer", failure.ErrorCode)
		require.Len(t, service.RequestsFor(taskIDs[i]), 7)
	}
	for _, taskID := range taskIDs {
		service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	}
	again := harness.RunStarter(t, taskQueue, "--initial-delay", "1ms",
		strconv.FormatInt(taskIDs[0], 10), strconv.FormatInt(taskIDs[1], 10))
	require.Equal(t, 0, again.Status, again.Stderr)
	require.Empty(t, service.CloserThan(harness.MinSpacing))
}
