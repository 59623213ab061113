// Package callback lets the 2captcha service say when a task has ended, so that a wait polls once
// instead of again and again.
//
// # Addresses
//
// [URL] returns an address to pass to createTask as callbackUrl. [WorkflowURL] returns one for a
// workflow that submits its task itself, and [SubmissionURL] one for a single submission, as the
// workflow SolveTask gives it to the service by itself. Addresses are valid for as long as the
// secret is.
//
// # Handler
//
// [Handler] receives what the service sends to an address and signals the workflow, which then
// polls at once. The worker command serves it if TWOCAPTCHA_CALLBACK_ADDRESS is set. In a server of
// your own, mount the handler anywhere, because it looks only at the last segment of a request's
// path:
//
//	temporalClient, err := client.Dial(client.Options{})
//	…
//	handler, err := callback.NewHandler(callback.Options{
//		Temporal:    temporalClient,
//		Secret:      os.Getenv("TWOCAPTCHA_CALLBACK_SECRET"),
//		DomainToken: os.Getenv("TWOCAPTCHA_CALLBACK_DOMAIN_TOKEN"),
//		Logger:      slog.Default(),
//	})
//	…
//	http.Handle("/2captcha/", handler)
//	http.Handle("/2captcha.txt", handler) // the proof that the domain is yours
//
// Middleware that wraps the http.ResponseWriter should have the Unwrap method that
// [http.ResponseController] looks for. Without it, only the server's ReadTimeout limits how long a
// request's body may take.
//
// # Security
//
// A callback is a hint and nothing more. The service doesn't sign it, and documents neither where
// it comes from nor whether it is repeated. So the handler accepts only addresses that were made
// with the secret, and takes only the task's id from the request; the result is always fetched with
// getTaskResult. Somebody who learns of an address can wake waits, each of them at most every 5
// seconds. With the address of a submission whose outcome is unknown, they can also name another
// task of the same account in place of the one that was bought. They can do nothing else.
package callback
