// Package activities holds the Temporal activities of the 2captcha API.
//
// [Activities] has one activity for each API method, named after it: createTask, getTaskResult,
// getBalance, reportCorrect and reportIncorrect. An activity sends one request in an attempt. Its
// input and output are the method's JSON properties, without the clientKey, so that workflows of
// any language can call it: getTaskResult takes {"taskId": 74372499131} and returns the API's
// answer.
//
// # Purchases
//
// createTask buys a task, and the service has no idempotency key. So [Activities.CreateTask] sends
// at most one request that can have bought something, whatever retry policy it is called with. If
// nobody can know whether a task was bought, it ends with [ErrorTypeCreateTaskOutcomeUnknown]. Any
// other error means that nothing was bought. Strings of the task that have 8 bytes or more are
// masked in what the service says.
//
// # Errors
//
// An answer that the task is still processing is a result. Failures are
// [go.temporal.io/sdk/temporal.ApplicationError] values with [ErrorDetails]. What may go away is
// retryable; what the service has decided is not, and has the service's own code as its type. The
// types that are not codes of the service are constants of this package, such as
// [ErrorTypeInvalidInput]. Only the caller's retry policy repeats a request.
//
// # Registration
//
// Package provider registers the activities on a worker, together with the workflows. A worker
// without workflows calls [New] and [Activities.Register] instead.
//
// The activity types pollTaskResult and submitTask are internal: package workflows runs them to
// poll by an activity's attempts, and to submit a task. Their inputs and outputs may change with
// any version.
package activities
