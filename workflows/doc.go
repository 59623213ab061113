// Package workflows waits durably for the result of a 2captcha task.
//
// [AwaitTaskResult] is a workflow that sleeps on durable timers and polls by the getTaskResult activity. It is started by a
// client with [StartOptions], by another workflow as a child with [ChildOptions], or by any SDK by its name; [Await] is
// the same wait within the caller's own workflow. A worker serves it once the provider package has registered it there.
package workflows
