// Package callback takes the service's call at the end of a task, so that a wait polls once instead
// of again and again.
//
// [URL] makes an address to give as callbackUrl with createTask; [WorkflowURL] makes one for a
// workflow that submits its task itself. [Handler] takes what the service sends to such an address
// and signals the workflow, which then polls at once.
//
// A callback is only a hint. The service doesn't sign it, and documents neither the address that it
// comes from nor whether it is repeated. So the handler listens only to addresses that were made
// with the secret, takes only the task's id from the request, and the workflow always fetches the
// result with getTaskResult. Whoever learns of an address can wake waits, each at most every 5
// seconds, and can do nothing else. An address is valid for as long as the secret is.
//
// The worker command serves callbacks if TWOCAPTCHA_CALLBACK_ADDRESS is set. In a server of your
// own, mount the handler at any path; it looks only at the last segment of a request's path:
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
// Middleware around the handler that wraps the http.ResponseWriter should have the Unwrap method of
// [http.ResponseController]. Without it, only the server's ReadTimeout limits how long a request's
// body may take.
package callback
