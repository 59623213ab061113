// Package callback lets the service tell when a task has ended, so that a wait asks once instead of again and again.
//
// [URL] makes an address to give as callbackUrl with createTask; [WorkflowURL] makes one for a workflow that submits its task
// itself. [Handler] takes what the service sends there and signals the workflow, which then polls at once.
//
// A callback is a hint and nothing more. The service doesn't sign it, and documents neither where it comes from nor whether it
// is repeated. So only an address that the secret has made is listened to, the task's id is all that is taken from the
// request, and the result is always fetched with getTaskResult. Whoever learns of an address can wake waits, none of them more
// often than every 5 seconds, and can do nothing else. Addresses are valid for as long as the secret is.
//
// The worker command serves callbacks where TWOCAPTCHA_CALLBACK_ADDRESS is set. In a server of your own, mount the handler
// anywhere; it looks at the last segment of a request's path alone:
//
//	temporal, err := client.Dial(client.Options{})
//	…
//	handler, err := callback.NewHandler(callback.Options{
//		Temporal:    temporal,
//		Secret:      os.Getenv("TWOCAPTCHA_CALLBACK_SECRET"),
//		DomainToken: os.Getenv("TWOCAPTCHA_CALLBACK_DOMAIN_TOKEN"),
//		Logger:      slog.Default(),
//	})
//	…
//	http.Handle("/2captcha/", handler)
//	http.Handle("/2captcha.txt", handler) // the proof that the domain is yours
//
// Middleware around it that wraps the http.ResponseWriter should have the Unwrap method of [http.ResponseController]: without
// it the time that a request's body may take is the server's ReadTimeout alone.
package callback
