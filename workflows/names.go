package workflows

import (
	"strconv"

	"github.com/temporal-providers/temporal-2captcha/activities"
)

const (
	// TaskQueue is the task queue that the provider's worker serves, unless it is told another.
	TaskQueue = "2captcha"

	// AwaitTaskResultWorkflow is the workflow type of [AwaitTaskResult].
	AwaitTaskResultWorkflow = "AwaitTaskResult"

	// GetTaskResultActivity is the activity type of a poll.
	GetTaskResultActivity = activities.GetTaskResultActivity

	// TaskCallbackSignal makes a wait poll now. Its payload is a [TaskCallback].
	TaskCallbackSignal = "taskCallback"

	// StatusQuery is answered with an [AwaitTaskResultStatus], also after the wait has ended.
	StatusQuery = "status"
)

// The types of ApplicationErrors that a wait ends with, beside the service's own codes.
const (
	// ErrorTypeInvalidInput: the input was refused; no request was sent.
	ErrorTypeInvalidInput = activities.ErrorTypeInvalidInput
	// ErrorTypeTaskTimeout: there was no result by the deadline.
	ErrorTypeTaskTimeout = "TaskTimeout"
	// ErrorTypeUnexpectedResponse: the service's answer is none that asking again can mend.
	ErrorTypeUnexpectedResponse = activities.ErrorTypeUnexpectedResponse
	// ErrorTypeRequestFailed is no end of a wait: it is what a poll's attempt ends with when it brought no answer.
	ErrorTypeRequestFailed = activities.ErrorTypeRequestFailed
	// ErrorTypeNotReady is no end of a wait either: with PollingActivityRetry it is what an attempt ends with while the task
	// is processing.
	ErrorTypeNotReady = activities.ErrorTypeNotReady
)

// What [ErrorCode] says of an end that is no ApplicationError.
const (
	// AlreadyRunning: the same wait is running, or, where a client starts it, has succeeded before; it was not started again.
	AlreadyRunning = "AlreadyRunning"
	// Canceled: the wait was canceled.
	Canceled = "Canceled"
	// Terminated: the workflow was terminated.
	Terminated = "Terminated"
	// TimedOut: the workflow ran into a timeout of Temporal's, one that its starter set.
	TimedOut = "TimedOut"
)

// The states of a wait, in its status and in the Web UI.
const (
	StateWaiting = "waiting"
	StatePolling = "polling"
	StateReady   = "ready"
	StateFailed  = "failed"
)

// WorkflowID is the id under which a task's wait runs: one task, one wait.
func WorkflowID(taskID int64) string {
	return "2captcha-task-" + strconv.FormatInt(taskID, 10)
}
