package harness

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// The types of the workflows that StartCallers registers. Each takes a wait's input and returns a
// CallerResult, if it does not say otherwise.
const (
	WaitInChild = "waitInChild" // waits by a child workflow
	LeaveChild  = "leaveChild"  // closes as soon as its child has begun to wait
	// WaitInline waits in its own history. It also takes the task queue of the polls, "" for its own.
	WaitInline = "waitInline"
	// AwaitAsChild returns the result or the error of workflows.AwaitAsChild, as it is. It also takes
	// the task queue of the child.
	AwaitAsChild = "awaitAsChild"
	// WaitInlineForCall is WaitInline with the workflow's callbacks.
	WaitInlineForCall = "waitInlineForCall"
	// CallAwaitTaskResult is WaitInline by the function of the workflow of that name.
	CallAwaitTaskResult = "callAwaitTaskResult"
	// SolveInlineForCall submits a task and waits for it in its own history, with the workflow's
	// callbacks. It takes SolveTask's input, and returns its result or its error, as it is.
	SolveInlineForCall = "solveInlineForCall"
)

// CallerResult is what a workflow of someone else's makes of a wait.
type CallerResult struct {
	Output    workflows.AwaitTaskResultOutput
	ErrorCode string
}

// NewCallerResult takes what a wait returned.
func NewCallerResult(output workflows.AwaitTaskResultOutput, err error) (CallerResult, error) {
	return CallerResult{output, workflows.ErrorCode(err)}, nil
}

// StartCallers serves a task queue of the test's own with the workflows above and with what plugins
// bring.
func StartCallers(t *testing.T, temporalClient client.Client, plugins ...worker.Plugin) (taskQueue string) {
	t.Helper()
	taskQueue = NewTaskQueue()
	StartCallersOn(t, temporalClient, taskQueue, plugins...)
	return taskQueue
}

// StartCallersOn is StartCallers for a task queue that is known already.
func StartCallersOn(t *testing.T, temporalClient client.Client, taskQueue string, plugins ...worker.Plugin) {
	t.Helper()
	callers := worker.New(temporalClient, taskQueue, worker.Options{Plugins: plugins})
	for name, caller := range map[string]any{
		WaitInChild: waitInChild, LeaveChild: leaveChild, WaitInline: waitInline, WaitInlineForCall: waitInlineForCall,
		CallAwaitTaskResult: callAwaitTaskResult, AwaitAsChild: awaitAsChild,
		SolveInlineForCall: solveInlineForCall, CallByNexus: callByNexus,
	} {
		callers.RegisterWorkflowWithOptions(caller, workflow.RegisterOptions{Name: name})
	}
	require.NoError(t, callers.Start())
	t.Cleanup(callers.Stop)
}

// Call runs one of the workflows above and returns what it made of the wait.
func Call(t *testing.T, temporalClient client.Client, taskQueue, caller string, arguments ...any) CallerResult {
	t.Helper()
	ctx := Context(t)
	run, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: taskQueue}, caller,
		arguments...)
	require.NoError(t, err)
	var result CallerResult
	require.NoError(t, run.Get(ctx, &result))
	return result
}

// waitInChild sets no child options but those that are meant for the wait.
func waitInChild(ctx workflow.Context, in workflows.AwaitTaskResultInput) (CallerResult, error) {
	ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(in.TaskID))
	var output workflows.AwaitTaskResultOutput
	err := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow, in).Get(ctx, &output)
	return NewCallerResult(output, err)
}

func leaveChild(ctx workflow.Context, in workflows.AwaitTaskResultInput) (CallerResult, error) {
	ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(in.TaskID))
	child := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow, in)
	return CallerResult{}, child.GetChildWorkflowExecution().Get(ctx, nil)
}

func waitInline(ctx workflow.Context, in workflows.AwaitTaskResultInput, taskQueue string) (CallerResult, error) {
	return NewCallerResult(workflows.Await(withTaskQueue(ctx, taskQueue), in))
}

func waitInlineForCall(ctx workflow.Context, in workflows.AwaitTaskResultInput, taskQueue string) (CallerResult, error) {
	callbacks := workflows.WithCallbacks(workflows.NewCallbacks(ctx))
	return NewCallerResult(workflows.Await(withTaskQueue(ctx, taskQueue), in, callbacks))
}

func callAwaitTaskResult(ctx workflow.Context, in workflows.AwaitTaskResultInput, taskQueue string) (CallerResult, error) {
	return NewCallerResult(workflows.AwaitTaskResult(withTaskQueue(ctx, taskQueue), in))
}

func withTaskQueue(ctx workflow.Context, taskQueue string) workflow.Context {
	if taskQueue == "" {
		return ctx
	}
	return workflow.WithTaskQueue(ctx, taskQueue)
}

func awaitAsChild(
	ctx workflow.Context, in workflows.AwaitTaskResultInput, taskQueue string,
) (workflows.AwaitTaskResultOutput, error) {
	return workflows.AwaitAsChild(ctx, in,
		func(options *workflow.ChildWorkflowOptions) { options.TaskQueue = taskQueue })
}

func solveInlineForCall(ctx workflow.Context, in workflows.SolveTaskInput) (workflows.SolveTaskOutput, error) {
	return workflows.Solve(ctx, in, workflows.WithCallbacks(workflows.NewCallbacks(ctx)))
}
