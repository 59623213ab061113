package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// errorCode is a row of the service's error table. It is written out here, so that a code that the provider misspells is found.
type errorCode struct {
	id   int64
	code string
	// expected outcomes are in the benign category.
	expected bool
}

const (
	noSlotAvailable = "ERROR_NO_SLOT_AVAILABLE"
	ipBlocked       = "ERROR_IP_BLOCKED"
)

// verdicts are all codes but the two that may go away.
var verdicts = []errorCode{
	{id: 1, code: "ERROR_KEY_DOES_NOT_EXIST"},
	{id: 3, code: "ERROR_ZERO_CAPTCHA_FILESIZE"},
	{id: 4, code: "ERROR_TOO_BIG_CAPTCHA_FILESIZE"},
	{id: 5, code: "ERROR_PAGEURL"},
	{id: 10, code: "ERROR_ZERO_BALANCE"},
	{id: 11, code: "ERROR_IP_NOT_ALLOWED"},
	{id: 12, code: "ERROR_CAPTCHA_UNSOLVABLE", expected: true},
	{id: 13, code: "ERROR_BAD_DUPLICATES", expected: true},
	{id: 14, code: "ERROR_NO_SUCH_METHOD"},
	{id: 15, code: "ERROR_IMAGE_TYPE_NOT_SUPPORTED"},
	{id: 16, code: "ERROR_NO_SUCH_CAPCHA_ID"},
	{id: 22, code: "ERROR_TASK_ABSENT"},
	{id: 23, code: "ERROR_TASK_NOT_SUPPORTED"},
	{id: 31, code: "ERROR_RECAPTCHA_INVALID_SITEKEY"},
	{id: 55, code: "ERROR_ACCOUNT_SUSPENDED"},
	{id: 110, code: "ERROR_BAD_PARAMETERS"},
	{id: 115, code: "ERROR_BAD_IMGINSTRUCTIONS"},
	{id: 130, code: "ERROR_BAD_PROXY"},
	// In no table: the first is named on a page of the service, the second nowhere.
	{id: 131, code: "ERR_PROXY_CONNECTION_FAILED"},
	{id: 9001, code: "ERROR_OF_THE_FUTURE"},
	// Sister services have no ids of their own.
	{id: 0, code: "ERROR_CAPTCHA_UNSOLVABLE", expected: true},
	{id: 1, code: "ERROR_ZERO_BALANCE"},
}

// httpStatuses are those that come with an error of the service: the service's own, and what sister services and proxies give.
var httpStatuses = []int{200, 400, 401, 402, 500, 503}

func (c errorCode) answer(description string, httpStatus int) simulator.Answer {
	return simulator.Body(fmt.Sprintf(`{"errorId":%d,"errorCode":%q,"errorDescription":%q}`, c.id, c.code, description)).
		WithHTTPStatus(httpStatus)
}

func TestVerdictOfTheService(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporal := startSimulator(t), newTaskQueue(), dial(t)
	startWorker(t, taskQueue, service.URL())
	description := func(taskID int64) string { return fmt.Sprintf("what the service says of task %d", taskID) }

	type wait struct {
		errorCode
		httpStatus int
		taskID     int64
		run        client.WorkflowRun
	}
	var waits []wait
	for _, verdict := range verdicts {
		for _, httpStatus := range httpStatuses {
			taskID := newTaskID()
			service.Script(taskID, verdict.answer(description(taskID), httpStatus))
			run := startWait(t, temporal, taskQueue, workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond})
			waits = append(waits, wait{verdict, httpStatus, taskID, run})
		}
	}

	for _, wait := range waits {
		t.Run(fmt.Sprintf("%s (%d) on HTTP %d", wait.code, wait.id, wait.httpStatus), func(t *testing.T) {
			err := wait.run.Get(testContext(t), nil)
			require.Equal(t, wait.code, workflows.ErrorCode(err), "%v", err)

			history := undisturbedHistory(t, temporal, wait.run.GetID(), wait.run.GetRunID())
			failure := failureOf(t, history)
			require.Nil(t, failure.GetCause(), "the outermost type counts: there is nothing below it")
			details := map[string]any{
				"taskId": float64(wait.taskID), "errorCode": wait.code, "errorDescription": description(wait.taskID), "polls": 1.0,
			}
			if wait.id != 0 {
				details["errorId"] = float64(wait.id)
			}
			require.Equal(t, details, errorDetails(t, failure))
			for _, failure := range []*failurepb.Failure{failure, activityFailure(t, history)} {
				require.Contains(t, failure.GetMessage(), fmt.Sprintf("task %d: getTaskResult: %s", wait.taskID, wait.code))
				require.Contains(t, failure.GetMessage(), description(wait.taskID))
				requireErrorType(t, failure, wait.errorCode, true)
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

func requireErrorType(t *testing.T, failure *failurepb.Failure, code errorCode, nonRetryable bool) {
	t.Helper()
	category := enumspb.APPLICATION_ERROR_CATEGORY_UNSPECIFIED
	if code.expected {
		category = enumspb.APPLICATION_ERROR_CATEGORY_BENIGN
	}
	info := failure.GetApplicationFailureInfo()
	require.Equal(t, code.code, info.GetType(), "%s", failure)
	require.Equal(t, nonRetryable, info.GetNonRetryable(), "%s", failure)
	require.Equal(t, category, info.GetCategory(), "%s", failure)
}

func TestNoSlotAvailableIsAskedAgain(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporal := startSimulator(t), newTaskQueue(), dial(t)
	worker := startWorker(t, taskQueue, service.URL())
	noSlot := errorCode{id: 2, code: noSlotAvailable}

	runs := map[int]client.WorkflowRun{}
	taskIDs := map[int]int64{}
	for _, httpStatus := range httpStatuses {
		taskID := newTaskID()
		service.Script(taskID, noSlot.answer("the queue is full", httpStatus), simulator.Ready(`{"text":"abc"}`))
		taskIDs[httpStatus] = taskID
		runs[httpStatus] = startWait(t, temporal, taskQueue,
			workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond})
	}

	for _, httpStatus := range httpStatuses {
		t.Run("on HTTP "+strconv.Itoa(httpStatus), func(t *testing.T) {
			var output workflows.AwaitTaskResultOutput
			require.NoError(t, runs[httpStatus].Get(testContext(t), &output))
			require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
			require.Equal(t, 1, output.Polls, "two attempts of one poll")

			require.Len(t, service.RequestsFor(taskIDs[httpStatus]), 2)
			requireSpaced(t, service, taskIDs[httpStatus])
			undisturbedHistory(t, temporal, runs[httpStatus].GetID(), runs[httpStatus].GetRunID())
			requireFailedAttempt(t, worker, taskIDs[httpStatus], noSlot.code, "the queue is full")
		})
	}
}

func TestIPBlockedIsNotAskedAgainWithin3Minutes(t *testing.T) {
	t.Parallel()
	const ban = 3 * time.Minute
	service, taskQueue, temporal := startSimulator(t), newTaskQueue(), dial(t)
	startWorker(t, taskQueue, service.URL())
	blocked := errorCode{id: 21, code: ipBlocked}

	runs := map[int]client.WorkflowRun{}
	taskIDs := map[int]int64{}
	for _, httpStatus := range httpStatuses {
		taskID := newTaskID()
		service.Script(taskID, blocked.answer("banned", httpStatus))
		taskIDs[httpStatus] = taskID
		runs[httpStatus] = startWait(t, temporal, taskQueue,
			workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond})
	}

	for _, httpStatus := range httpStatuses {
		t.Run("on HTTP "+strconv.Itoa(httpStatus), func(t *testing.T) {
			ctx, run := testContext(t), runs[httpStatus]
			pending := waitForFailedAttempt(t, temporal, run)
			if strings.Contains(pending.GetLastFailure().GetMessage(), "handed out attempt") {
				// A busy server hands attempts out early now and then. The activity refuses them, and that is the last failure then.
				require.Equal(t, workflows.ErrorTypeRequestFailed, pending.GetLastFailure().GetApplicationFailureInfo().GetType())
			} else {
				requireErrorType(t, pending.GetLastFailure(), blocked, false)
				require.Equal(t, map[string]any{
					"taskId": float64(taskIDs[httpStatus]), "errorId": 21.0, "errorCode": ipBlocked, "errorDescription": "banned",
				}, errorDetails(t, pending.GetLastFailure()))
			}

			requests := service.RequestsFor(taskIDs[httpStatus])
			require.Len(t, requests, 1)
			again := pending.GetNextAttemptScheduleTime().AsTime()
			require.GreaterOrEqual(t, again.Sub(requests[0].Arrived), ban, "from the request to the next attempt")
			require.LessOrEqual(t, time.Until(again), ban, "the ban's time and no more")

			require.NoError(t, temporal.CancelWorkflow(ctx, run.GetID(), run.GetRunID()))
			require.Equal(t, workflows.Canceled, workflows.ErrorCode(run.Get(ctx, nil)))
			undisturbedHistory(t, temporal, run.GetID(), run.GetRunID())
			require.Len(t, service.RequestsFor(taskIDs[httpStatus]), 1)
		})
	}
}

// waitForFailedAttempt returns the run's poll once an attempt of it has failed and the next one is due later. One that has timed out
// was lost on its way to a worker by a busy server.
func waitForFailedAttempt(t *testing.T, temporal client.Client, run client.WorkflowRun) *workflowpb.PendingActivityInfo {
	t.Helper()
	var pending *workflowpb.PendingActivityInfo
	require.Eventually(t, func() bool {
		description, err := temporal.DescribeWorkflow(context.Background(), run.GetID(), run.GetRunID())
		if err != nil || len(description.RawResponse.GetPendingActivities()) != 1 {
			return false
		}
		pending = description.RawResponse.GetPendingActivities()[0]
		return pending.GetLastFailure().GetApplicationFailureInfo() != nil &&
			pending.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
	}, patience, 50*time.Millisecond, "no attempt of %s fails", run.GetID())
	return pending
}

// TestVerdictAsAParentSeesIt reads the failure as it is on the wire, which is what an SDK of any language has.
func TestVerdictAsAParentSeesIt(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporal := startSimulator(t), newTaskQueue(), dial(t)
	startWorker(t, taskQueue, service.URL())
	parentQueue := newTaskQueue()
	parentWorker := worker.New(temporal, parentQueue, worker.Options{})
	parentWorker.RegisterWorkflow(parentOfARetriedChild)
	require.NoError(t, parentWorker.Start())
	t.Cleanup(parentWorker.Stop)

	for _, verdict := range []errorCode{
		{id: 12, code: "ERROR_CAPTCHA_UNSOLVABLE", expected: true},
		{id: 1, code: "ERROR_KEY_DOES_NOT_EXIST"},
		{id: 9001, code: "ERROR_OF_THE_FUTURE"},
	} {
		t.Run(verdict.code, func(t *testing.T) {
			ctx, taskID := testContext(t), newTaskID()
			service.Script(taskID, verdict.answer("no luck", 200))
			run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: parentQueue},
				parentOfARetriedChild, taskQueue, taskID)
			require.NoError(t, err)
			require.Equal(t, verdict.code, workflows.ErrorCode(run.Get(ctx, nil)))

			failure := childFailure(t, undisturbedHistory(t, temporal, run.GetID(), run.GetRunID()))
			requireErrorType(t, failure, verdict, true)
			require.Equal(t, map[string]any{
				"taskId": float64(taskID), "errorId": float64(verdict.id), "errorCode": verdict.code,
				"errorDescription": "no luck", "polls": 1.0,
			}, errorDetails(t, failure))
			require.Len(t, service.RequestsFor(taskID), 1, "a verdict is asked for once, whatever retries the parent wants")
		})
	}
}

// parentOfARetriedChild waits for a task by a child that is run again when it fails with what may be retried.
func parentOfARetriedChild(ctx workflow.Context, taskQueue string, taskID int64) error {
	options := workflows.ChildOptions(taskID)
	options.TaskQueue = taskQueue
	options.RetryPolicy = &temporal.RetryPolicy{InitialInterval: time.Millisecond, MaximumAttempts: 5}
	return workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), workflows.AwaitTaskResultWorkflow,
		workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond}).Get(ctx, nil)
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
