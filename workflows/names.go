package workflows

import "strconv"

const (
	// TaskQueue is the task queue that the provider's worker serves, unless it is told another.
	TaskQueue = "2captcha"

	// AwaitTaskResultWorkflow is the workflow type of [AwaitTaskResult].
	AwaitTaskResultWorkflow = "AwaitTaskResult"
	// SolveTaskWorkflow is the workflow type of [SolveTask].
	SolveTaskWorkflow = "SolveTask"
	// CheckAccountWorkflow is the workflow type of [CheckAccount].
	CheckAccountWorkflow = "CheckAccount"
	// ReportTaskWorkflow is the workflow type of [ReportTask].
	ReportTaskWorkflow = "ReportTask"

	// TaskCallbackSignal makes a wait poll now. Its payload is a [TaskCallback].
	TaskCallbackSignal = "taskCallback"

	// StatusQuery is answered with an [AwaitTaskResultStatus], or by SolveTask with a
	// [SolveTaskStatus], also after the wait has ended.
	StatusQuery = "status"
)

// The types of the ApplicationErrors of a wait that has no result. The other types are the
// service's own codes (package twocaptcha), InvalidInput and UnexpectedResponse, and of SolveTask
// NotSubmitted and CreateTaskOutcomeUnknown (package activities).
const (
	// ErrorTypeTaskTimeout: the service answered that the task is processing, to a request that was
	// sent on the deadline or after it.
	ErrorTypeTaskTimeout = "TaskTimeout"
	// ErrorTypeNoAnswer: the last poll brought no answer. The result may be ready: wait for the task
	// again rather than buy another.
	ErrorTypeNoAnswer = "NoAnswer"
)

// What [ErrorCode] returns for an end that the wait did not come to itself. [AwaitAsChild] makes an
// ApplicationError of that type of it.
const (
	// AlreadyRunning: the same wait is running, or it has succeeded before and a client starts it; it
	// was not started again.
	AlreadyRunning = "AlreadyRunning"
	// Canceled: the wait was canceled.
	Canceled = "Canceled"
	// Terminated: the workflow was terminated.
	Terminated = "Terminated"
	// TimedOut: the workflow ran into a timeout of Temporal's, one that its starter set.
	TimedOut = "TimedOut"
)

// State is how far a wait is, in its status and in the Web UI.
type State string

// The states of a wait.
const (
	StateWaiting State = "waiting"
	StatePolling State = "polling"
	StateReady   State = "ready"
	StateFailed  State = "failed"
	// StateCanceled: the workflow was canceled.
	StateCanceled State = "canceled"

	// StateSubmitting: SolveTask submits the task, or waits until it may submit it again.
	StateSubmitting State = "submitting"
	// StateOutcomeUnknown: a task may have been bought, and SolveTask waits for the call that names
	// it.
	StateOutcomeUnknown State = "outcomeUnknown"
)

// WorkflowID is the id under which a task's wait runs: one task, one wait.
func WorkflowID(taskID int64) string {
	return "2captcha-task-" + strconv.FormatInt(taskID, 10)
}

// SolveWorkflowID is the id under which [SolveTask] runs for the caller's id: one id, one purchase.
func SolveWorkflowID(id string) string { return "2captcha-solve-" + id }

// ReportWorkflowID is the id under which [ReportTask] runs for a task.
func ReportWorkflowID(taskID int64) string {
	return "2captcha-report-" + strconv.FormatInt(taskID, 10)
}
