package workflows

import (
	"go.temporal.io/sdk/workflow"
)

// AwaitOption changes how [Await] and [Solve] wait.
type AwaitOption func(*wait)

// WithCallbacks makes the wait poll when callbacks receives a call for its task, 5 seconds after
// the last poll's end at the earliest. [Solve] also gives the service an address to call. Give
// every wait in a workflow the same callbacks.
func WithCallbacks(callbacks *Callbacks) AwaitOption {
	return func(w *wait) { w.callbacks = callbacks }
}

// Await is the wait of [AwaitTaskResult] inside the caller's own workflow, with the same results
// and errors, from now on. It registers no handler and leaves the caller's details alone. It can't
// continue as new: when Temporal suggests that to the caller's workflow, the wait goes over to
// [PollingActivityRetry], whose polls cost no event.
//
// Polls run on the task queue of ctx, which is the caller's own unless workflow.WithTaskQueue names
// another: a worker there must have the provider's activities. Priority and the like are taken from
// the activity options of ctx too.
func Await(ctx workflow.Context, in AwaitTaskResultInput, options ...AwaitOption) (AwaitTaskResultOutput, error) {
	w := newWait(in, workflow.Now(ctx))
	for _, option := range options {
		option(w)
	}
	err := in.Validate()
	if err == nil && in.Callback && w.callbacks == nil {
		err = newInvalidInput(in.TaskID,
			"callback is true: within another workflow that takes WithCallbacks, which hands the wait its calls")
	}
	if err != nil {
		countRefused(ctx, err)
		return AwaitTaskResultOutput{}, err
	}
	// The caller goes on after this wait, so that no timer of it may stay behind.
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	return w.run(ctx)
}
