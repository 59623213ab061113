// Package twocaptchatest is a fake 2captcha service for tests: it costs nothing and needs neither
// an account nor a network.
//
// It answers getTaskResult and createTask on a loopback address, as the service's API v2 does. A
// test starts it, says what becomes of each task, and points the code under test at [Server.URL]:
//
//	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key"})
//	if err != nil {
//		t.Fatal(err)
//	}
//	t.Cleanup(server.Close)
//	server.Script(74372499131, twocaptchatest.Processing(), twocaptchatest.Ready(`{"text":"abc"}`))
//
// # Tasks
//
// [Server.Script] gives a task with a known id its answers. [Server.Submit] makes a task with a new
// id, and can call a callback URL when the task ends. A createTask request makes a task too;
// [Options.NewTask] decides its answers.
//
// An [Answer] is what one getTaskResult request gets: a result, an error of the service, an HTTP
// status, or a connection that is closed. Answers are given in order, and the last one stays.
//
// # Requests
//
// [Server.Requests] tells what was asked, when, and how it was answered.
//
// # As strict as the service
//
// The fake refuses what the service refuses, with the same error codes: another client key, a task
// id that is not an integer, a task that was never submitted, a result that is older than 15
// minutes. Five requests with a wrong key, or more than 20 getTaskResult requests for each task
// plus 1200, are followed by a ban: ERROR_IP_BLOCKED for 10 or 5 minutes. [Request.Refused] says
// why a request was refused.
//
// # Time
//
// By default a task's time is the real time; [Options.Clock] is another clock.
//
// # Workflows
//
// Package environment, below this one, has the fake and the provider's own workflows and activities
// in Temporal's test environment, whose clock the fake goes by: a [ReadyAfter] of minutes is over
// at once.
package twocaptchatest
