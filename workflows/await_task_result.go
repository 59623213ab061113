package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

// AwaitTaskResult is the workflow that waits for one task's result. It returns the result, or an ApplicationError, never
// retryable, whose type is the service's code, InvalidInput, TaskTimeout or UnexpectedResponse, with [ErrorDetails]; or a
// CanceledError. The deadline counts from the workflow's start, which is before a start delay. It takes [TaskCallbackSignal]
// and answers [StatusQuery].
func AwaitTaskResult(ctx workflow.Context, in AwaitTaskResultInput) (AwaitTaskResultOutput, error) {
	w := newWait(in, workflow.GetInfo(ctx).WorkflowStartTime)
	w.showsDetails = true
	if err := workflow.SetQueryHandler(ctx, StatusQuery, w.status); err != nil {
		return AwaitTaskResultOutput{}, err
	}
	err := in.Validate()
	if err == nil && w.StartedAt.After(workflow.GetInfo(ctx).WorkflowStartTime) { // it would put the deadline off
		err = newInvalidInput(in.TaskID, continuedByOthers)
	}
	if err != nil {
		w.end(ctx, StateFailed, err)
		return AwaitTaskResultOutput{}, err
	}
	w.wakeUps = signalWakeUps(ctx, in.TaskID)
	w.mayContinueAsNew = true
	return w.run(ctx)
}

// Register registers the workflows on a worker, a replayer or a test environment. On a worker that is a version of a deployment,
// waits move on to the newest version, whatever the worker's default: pinned ones would keep an old version's workers up for as
// long as the longest of them, and every version of this package replays those of the versions before.
func Register(registry interface {
	RegisterWorkflowWithOptions(any, workflow.RegisterOptions)
}) {
	registry.RegisterWorkflowWithOptions(awaitTaskResultFromPayload, workflow.RegisterOptions{
		Name: AwaitTaskResultWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
}

// awaitTaskResultFromPayload is [AwaitTaskResult] as it is registered: a wrong input of whatever kind ends it with InvalidInput,
// where the SDK's own decoding would end it with an error type that says nothing and that a parent may retry.
func awaitTaskResultFromPayload(ctx workflow.Context, input converter.RawValue) (AwaitTaskResultOutput, error) {
	return AwaitTaskResult(ctx, inputFromPayload(input.Payload()))
}

// AwaitOption changes how [Await] waits.
type AwaitOption func(*wait)

// WithWakeUp has whatever is received on channel make the wait poll now, 5 seconds after the last poll's end at the earliest. The
// wait receives from it as long as it runs. A signal channel of the caller's is one such.
func WithWakeUp(channel workflow.ReceiveChannel) AwaitOption {
	return func(w *wait) { w.wakeUps = wakeUps{channel: channel} }
}

// Await is the wait of [AwaitTaskResult] inside the caller's own workflow, with the same results and errors, from now on. It
// registers no handler, leaves the caller's details alone and can't continue as new: the timeout is at most 1 hour. Two waits for one
// task know nothing of each other, so that their requests may come close together.
//
// Polls run on the task queue of ctx, which is the caller's own unless workflow.WithTaskQueue names another: a worker there
// must have the provider's activities. Priority and the like are taken from the activity options of ctx too.
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

func newWait(in AwaitTaskResultInput, startedAt time.Time) *wait {
	p := progress{StartedAt: startedAt}
	if in.continued != nil {
		p = *in.continued
	}
	settings := in.withDefaults()
	return &wait{
		settings: settings,
		schedule: schedule.Schedule{
			TaskID: settings.TaskID, StartedAt: p.StartedAt, InitialDelay: settings.InitialDelay,
			PollInterval: settings.PollInterval, MaxPollInterval: settings.MaxPollInterval,
			Deadline: p.StartedAt.Add(settings.Timeout),
		},
		progress: p,
		state:    StateWaiting,
	}
}
