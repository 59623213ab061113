// Package activities holds the Temporal activities of the 2captcha API.
//
// [Activities] has one activity for each API method, named after it: getTaskResult. An activity
// sends one request in an attempt. Its input and output are the method's JSON properties, without
// the clientKey, so that workflows of any language can call it: getTaskResult takes
// {"taskId": 74372499131} and returns the API's answer.
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
// The activity type pollTaskResult is internal: package workflows runs it to poll by an activity's
// attempts, and its input and output may change with any version.
package activities
