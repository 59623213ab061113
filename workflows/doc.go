// Package workflows waits durably for the result of a 2captcha task.
//
// [AwaitTaskResult] is a workflow that sleeps on durable timers and polls with the getTaskResult
// activity. A worker serves it if package provider has registered it there.
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
// ended. Temporal's Web UI shows the same as the workflow's current details. The signal
// [TaskCallbackSignal] makes the wait poll now.
//
// # Errors
//
// A wait that fails ends with an ApplicationError, which is never retryable. [ErrorCode] returns
// its type: the service's own code, InvalidInput, TaskTimeout, NoAnswer or UnexpectedResponse.
// [Details] returns its [ErrorDetails].
package workflows
