// Package workflows submits 2captcha tasks and waits durably for their results.
//
// [AwaitTaskResult] is a workflow that sleeps on durable timers and polls with the getTaskResult
// activity. [SolveTask] submits the task before that. A worker serves them if package provider has
// registered them there.
//
// # Submit a task
//
// A client starts [SolveTask] with [SolveOptions], which make an id of the caller's the key of the
// purchase: it is bought for once. [Solve] does the same within the caller's own workflow. What an
// end tells of money is in the documentation of [SolveTask]. [CheckAccount] asks for the account's
// balance, and [ReportTask] tells the service whether a solution was right.
//
// # Start a wait
//
// A client starts the workflow with [StartOptions], another workflow runs it as a child by
// [AwaitAsChild], and any SDK or tool starts it by its name, [AwaitTaskResultWorkflow]. [Await] is
// the same wait within the caller's own workflow.
//
// [AwaitTaskResultInput] says which task is waited for, and how. Only the task's id is required. In
// JSON, durations are strings with a unit, like "5s".
//
// # Follow a wait
//
// The query [StatusQuery] returns an [AwaitTaskResultStatus], while the wait runs and after it has
// ended; that of [SolveTask] returns a [SolveTaskStatus]. Temporal's Web UI shows the same as the
// workflow's current details. The signal [TaskCallbackSignal] makes the wait poll now.
//
// # Errors
//
// A wait that fails ends with an ApplicationError, which is never retryable. [ErrorCode] returns
// its type: the service's own code, InvalidInput, TaskTimeout, NoAnswer or UnexpectedResponse, and
// of [SolveTask] NotSubmitted or CreateTaskOutcomeUnknown too.
// [Details] returns its [ErrorDetails].
package workflows
