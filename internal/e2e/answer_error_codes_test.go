package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// httpStatuses come with an error of the service: its own, and those of sister services and
// proxies.
var httpStatuses = []int{200, 400, 401, 402, 500, 503}

func TestVerdictOfTheService(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	description := func(taskID int64) string { return fmt.Sprintf("what the service says of task %d", taskID) }

	type wait struct {
		harness.ErrorCode
		httpStatus int
		taskID     int64
		run        client.WorkflowRun
	}
	var waits []wait
	for _, verdict := range harness.Verdicts() {
		for _, httpStatus := range httpStatuses {
			if verdict.Undocumented && httpStatus >= 500 {
				continue // a gateway may have written it
			}
			taskID := harness.NewTaskID()
			service.Script(taskID, verdict.Answer(description(taskID), httpStatus))
			run := harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID))
			waits = append(waits, wait{verdict, httpStatus, taskID, run})
		}
	}

	for _, wait := range waits {
		t.Run(fmt.Sprintf("%s (%d) on HTTP %d", wait.Code, wait.ID, wait.httpStatus), func(t *testing.T) {
			err := wait.run.Get(harness.Context(t), nil)
			require.Equal(t, wait.Code, workflows.ErrorCode(err), "%v", err)

			history := harness.UndisturbedHistory(t, temporalClient, wait.run.GetID(), wait.run.GetRunID())
			failure := harness.FailureOf(t, history)
			require.Nil(t, failure.GetCause(), "the outermost type counts: there is nothing below it")
			details := map[string]any{
				"taskId": float64(wait.taskID), "errorCode": wait.Code, "errorDescription": description(wait.taskID), "polls": 1.0,
			}
			if wait.ID != 0 {
				details["errorId"] = float64(wait.ID)
			}
			require.Equal(t, details, harness.ErrorDetails(t, failure))
			for _, failure := range []*failurepb.Failure{failure, activityFailure(t, history)} {
				require.Contains(t, failure.GetMessage(),
					fmt.Sprintf("task %d: getTaskResult: %s", wait.taskID, wait.Code))
				require.Contains(t, failure.GetMessage(), description(wait.taskID))
				requireErrorType(t, failure, wait.ErrorCode, true)
			}
			require.Len(t, service.RequestsFor(wait.taskID), 1, "a verdict is asked for once")
		})
	}
}

// activityFailure is what the only poll failed with.
func activityFailure(t *testing.T, history []*historypb.HistoryEvent) *failurepb.Failure {
	t.Helper()
	var failures []*failurepb.Failure
	for _, event := range history {
		if failed := event.GetActivityTaskFailedEventAttributes(); failed != nil {
			require.Equal(t, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE, failed.GetRetryState())
			failures = append(failures, failed.GetFailure())
		}
	}
	require.Len(t, failures, 1)
	return failures[0]
}

func requireErrorType(t *testing.T, failure *failurepb.Failure, code harness.ErrorCode, nonRetryable bool) {
	t.Helper()
	category := enumspb.APPLICATION_ERROR_CATEGORY_UNSPECIFIED
	if code.Expected || !nonRetryable { // nobody is to be alarmed by what is repeated
		category = enumspb.APPLICATION_ERROR_CATEGORY_BENIGN
	}
	info := failure.GetApplicationFailureInfo()
	require.Equal(t, code.Code, info.GetType(), "%s", failure)
	require.Equal(t, nonRetryable, info.GetNonRetryable(), "%s", failure)
	require.Equal(t, category, info.GetCategory(), "%s", failure)
}

func TestNoSlotAvailableIsAskedAgain(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	worker := harness.StartWorker(t, taskQueue, service.URL(), "--log-level", "debug")
	noSlot := harness.ErrorCode{ID: 2, Code: harness.NoSlotAvailable}

	runs := map[int]client.WorkflowRun{}
	taskIDs := map[int]int64{}
	for _, httpStatus := range httpStatuses {
		taskID := harness.NewTaskID()
		service.Script(taskID, noSlot.Answer("the queue is full", httpStatus), simulator.Ready(`{"text":"abc"}`))
		taskIDs[httpStatus] = taskID
		runs[httpStatus] = harness.StartWait(t, temporalClient, taskQueue,
			harness.Soon(taskID))
	}

	for _, httpStatus := range httpStatuses {
		t.Run("on HTTP "+strconv.Itoa(httpStatus), func(t *testing.T) {
			var output workflows.AwaitTaskResultOutput
			require.NoError(t, runs[httpStatus].Get(harness.Context(t), &output))
			require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
			require.Equal(t, 1, output.Polls, "two attempts of one poll")

			require.Len(t, service.RequestsFor(taskIDs[httpStatus]), 2)
			harness.RequireSpaced(t, service, taskIDs[httpStatus])
			harness.UndisturbedHistory(t, temporalClient, runs[httpStatus].GetID(), runs[httpStatus].GetRunID())
			harness.RequireFailedAttempt(t, worker, taskIDs[httpStatus], noSlot.Code, "the queue is full")
		})
	}
}

func TestIPBlockedIsNotAskedAgainWithin3Minutes(t *testing.T) {
	t.Parallel()
	const ban = 3 * time.Minute
	service, temporalClient := harness.StartSimulator(t), harness.Dial(t)
	blocked := harness.ErrorCode{ID: 21, Code: harness.IPBlocked}

	runs := map[int]client.WorkflowRun{}
	taskIDs := map[int]int64{}
	for _, httpStatus := range httpStatuses {
		taskID := harness.NewTaskID()
		service.Script(taskID, blocked.Answer("banned", httpStatus))
		taskIDs[httpStatus] = taskID
		taskQueue := harness.NewTaskQueue() // a ban silences its whole worker
		harness.StartWorker(t, taskQueue, service.URL())
		runs[httpStatus] = harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID))
	}

	for _, httpStatus := range httpStatuses {
		t.Run("on HTTP "+strconv.Itoa(httpStatus), func(t *testing.T) {
			ctx, run := harness.Context(t), runs[httpStatus]
			pending := harness.WaitForFailedAttempt(t, temporalClient, run)
			if strings.Contains(pending.GetLastFailure().GetMessage(), "handed out attempt") {
				// A busy server hands attempts out early now and then. The activity refuses such an
				// attempt, which is the last failure then.
				require.Equal(t, activities.ErrorTypeRequestFailed,
					pending.GetLastFailure().GetApplicationFailureInfo().GetType())
			} else {
				requireErrorType(t, pending.GetLastFailure(), blocked, false)
				details := harness.ErrorDetails(t, pending.GetLastFailure())
				require.Regexp(t, "^getTaskResult: ERROR_IP_BLOCKED .*: banned$", details["lastError"])
				delete(details, "lastError")
				require.Equal(t, map[string]any{
					"taskId": float64(taskIDs[httpStatus]), "errorId": 21.0, "errorCode": harness.IPBlocked, "errorDescription": "banned",
				}, details)
			}

			requests := service.RequestsFor(taskIDs[httpStatus])
			require.Len(t, requests, 1)
			again := pending.GetNextAttemptScheduleTime().AsTime()
			require.GreaterOrEqual(t, again.Sub(requests[0].Arrived), ban, "from the request to the next attempt")
			require.LessOrEqual(t, time.Until(again), ban, "the ban's time and no more")

			require.NoError(t, temporalClient.CancelWorkflow(ctx, run.GetID(), run.GetRunID()))
			require.Equal(t, workflows.Canceled, workflows.ErrorCode(run.Get(ctx, nil)))
			harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
			require.Len(t, service.RequestsFor(taskIDs[httpStatus]), 1)
		})
	}
}

// TestVerdictAsAParentSeesIt reads the failure as it is on the wire, as an SDK of any language
// does.
func TestVerdictAsAParentSeesIt(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	parentQueue := harness.NewTaskQueue()
	parentWorker := worker.New(temporalClient, parentQueue, worker.Options{})
	parentWorker.RegisterWorkflow(parentOfARetriedChild)
	require.NoError(t, parentWorker.Start())
	t.Cleanup(parentWorker.Stop)

	for _, verdict := range []harness.ErrorCode{
		{ID: 12, Code: "ERROR_CAPTCHA_UNSOLVABLE", Expected: true},
		{ID: 1, Code: "ERROR_KEY_DOES_NOT_EXIST"},
		{ID: 9001, Code: "ERROR_OF_THE_FUTURE"},
	} {
		t.Run(verdict.Code, func(t *testing.T) {
			ctx, taskID := harness.Context(t), harness.NewTaskID()
			service.Script(taskID, verdict.Answer("no luck", 200))
			run, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: parentQueue},
				parentOfARetriedChild, taskQueue, taskID)
			require.NoError(t, err)
			require.Equal(t, verdict.Code, workflows.ErrorCode(run.Get(ctx, nil)))

			failure := childFailure(t, harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID()))
			requireErrorType(t, failure, verdict, true)
			require.Equal(t, map[string]any{
				"taskId": float64(taskID), "errorId": float64(verdict.ID), "errorCode": verdict.Code,
				"errorDescription": "no luck", "polls": 1.0,
			}, harness.ErrorDetails(t, failure))
			require.Len(t, service.RequestsFor(taskID), 1,
				"a verdict is asked for once, whatever retries the parent wants")
		})
	}
}

// parentOfARetriedChild waits for a task by a child that is run again after a retryable failure.
func parentOfARetriedChild(ctx workflow.Context, taskQueue string, taskID int64) error {
	options := workflows.ChildOptions(taskID)
	options.TaskQueue = taskQueue
	options.RetryPolicy = &temporal.RetryPolicy{InitialInterval: time.Millisecond, MaximumAttempts: 5}
	return workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), workflows.AwaitTaskResultWorkflow,
		harness.Soon(taskID)).Get(ctx, nil)
}

func childFailure(t *testing.T, history []*historypb.HistoryEvent) *failurepb.Failure {
	t.Helper()
	for _, event := range history {
		if failed := event.GetChildWorkflowExecutionFailedEventAttributes(); failed != nil {
			return failed.GetFailure()
		}
	}
	require.FailNow(t, "the child did not fail")
	return nil
}
