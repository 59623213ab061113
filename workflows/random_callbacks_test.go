package workflows_test

import (
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// randomCallbacks hands a workflow's calls to its inline waits.
type randomCallbacks struct {
	channel workflow.ReceiveChannel
}

func newRandomCallbacks(ctx workflow.Context, waits int) *randomCallbacks {
	return &randomCallbacks{channel: workflow.GetSignalChannel(ctx, workflows.TaskCallbackSignal)}
}

func (c *randomCallbacks) await(
	ctx workflow.Context, _ int, in workflows.AwaitTaskResultInput,
) (workflows.AwaitTaskResultOutput, error) {
	return workflows.Await(ctx, in, workflows.WithWakeUp(c.channel))
}
