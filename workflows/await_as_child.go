package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// AwaitAsChild runs [AwaitTaskResult] as a child workflow with [ChildOptions], which the options
// may change, and returns its result. The result is fetched in any case:
//
//   - If ctx is canceled, also before the call, the child goes on, and AwaitAsChild returns the
//     cancellation as soon as the child has started.
//   - If the wait is running already, the error is [AlreadyRunning], and that wait goes on.
//
// Every error but the cancellation is a non-retryable ApplicationError, whose type is what
// [ErrorCode] returns. A parent with a retry policy that returns it is not run again: another run
// would only send the same request once more. An invalid input is refused before a child starts.
func AwaitAsChild(
	ctx workflow.Context, in AwaitTaskResultInput, options ...func(*workflow.ChildWorkflowOptions),
) (AwaitTaskResultOutput, error) {
	if err := in.Validate(); err != nil {
		return AwaitTaskResultOutput{}, err
	}
	childOptions := ChildOptions(in.TaskID)
	for _, option := range options {
		option(&childOptions)
	}
	childCtx, _ := workflow.NewDisconnectedContext(ctx)
	childCtx = workflow.WithChildOptions(childCtx, childOptions)
	child := workflow.ExecuteChildWorkflow(childCtx, AwaitTaskResultWorkflow, in)

	// A parent that closes before its child has started takes the child with it.
	err := child.GetChildWorkflowExecution().Get(childCtx, nil)
	if err == nil && ctx.Err() == nil {
		workflow.NewSelector(ctx).
			AddFuture(child, func(workflow.Future) {}).
			AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).
			Select(ctx)
	}
	if ctx.Err() != nil && (err != nil || !child.IsReady()) {
		return AwaitTaskResultOutput{}, ctx.Err()
	}
	var out AwaitTaskResultOutput
	if err := child.Get(childCtx, &out); err != nil {
		return AwaitTaskResultOutput{}, endOfChild(in.TaskID, childOptions.WorkflowID, err)
	}
	return out, nil
}

// endOfChild makes the error of a child, or of its start, one that leaves the parent: a fresh one,
// since the server looks at the outermost error alone when it decides whether to run the parent
// again.
func endOfChild(taskID int64, workflowID string, err error) error {
	code, failure := findEnd(err)
	options := temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{ErrorDetails{TaskID: taskID}}}
	if failure != nil {
		if details, ok := Details(failure); ok {
			options.Details = []any{details}
		}
		options.Category = failure.Category()
		return temporal.NewApplicationErrorWithOptions(failure.Message(), failure.Type(), options)
	}
	happened := "failed: " + err.Error()
	switch code {
	case AlreadyRunning:
		happened = "is running already: its result is there"
	case Canceled:
		happened = "was canceled"
	case Terminated:
		happened = "was terminated"
	case TimedOut:
		happened = "ran into a timeout of its workflow options"
	}
	message := fmt.Sprintf("task %d: workflow %s, which waits for it, %s", taskID, workflowID, happened)
	return temporal.NewApplicationErrorWithOptions(message, code, options)
}
