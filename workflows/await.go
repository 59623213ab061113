package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// AwaitOption changes how [Await] waits.
type AwaitOption func(*wait)

// WithWakeUp makes the wait poll now, 5 seconds after the last poll's end at the earliest, whenever
// anything is received on channel. The wait receives from it as long as it runs. A signal channel
// of the caller's workflow is such a channel.
func WithWakeUp(channel workflow.ReceiveChannel) AwaitOption {
	return func(w *wait) { w.wakeUps = wakeUps{channel: channel} }
}

// Await is the wait of [AwaitTaskResult] inside the caller's own workflow, with the same results
// and errors, from now on. It registers no handler, leaves the caller's details alone and can't
// continue as new: the timeout is at most 1 hour. Two waits for one task know nothing of each
// other, so that their requests may come close together.
//
// Polls run on the task queue of ctx, which is the caller's own unless workflow.WithTaskQueue names
// another: a worker there must have the provider's activities. Priority and the like are taken from
// the activity options of ctx too.
func Await(ctx workflow.Context, in AwaitTaskResultInput, options ...AwaitOption) (AwaitTaskResultOutput, error) {
	if err := in.Validate(); err != nil {
		return AwaitTaskResultOutput{}, err
	}
	if in.Timeout > maxInlineTimeout {
		return AwaitTaskResultOutput{}, newInvalidInput(in.TaskID,
			fmt.Sprintf(`timeout is %s: within another workflow it takes a duration from "1ms" to "1h"`, in.Timeout))
	}
	w := newWait(in, workflow.Now(ctx))
	for _, option := range options {
		option(w)
	}
	if in.Callback && w.wakeUps.channel == nil {
		return AwaitTaskResultOutput{}, newInvalidInput(in.TaskID,
			"callback is true: within another workflow that takes WithWakeUp, with the channel on which its wake-ups come in")
	}
	// The caller goes on after this wait, so that no timer of it may stay behind.
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	return w.run(ctx)
}
