// Package activities holds the Temporal activities of the 2captcha API: one request each, named as the API's method,
// with the method's JSON properties less the clientKey as input and output. Workflows of any language can call them.
//
// An answer that the task is still processing is a result. Failures are [temporal.ApplicationError]s: what may go away is
// retryable, what the service has decided is not, with the service's own code as type and [ErrorDetails] as details.
// The retry policy of the caller is the only one who repeats a request.
package activities
