package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// newParentEnvironment begins at the real time, which the test environment takes for a child's
// start.
func newParentEnvironment(t *testing.T) *environment {
	t.Helper()
	return newEnvironmentAt(t, time.Now())
}

// A parent may name the workflow, or the function of this package.
func TestChildWorkflow(t *testing.T) {
	t.Parallel()
	for name, child := range map[string]any{
		"by name":     workflows.AwaitTaskResultWorkflow,
		"by function": workflows.AwaitTaskResult,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPollingIn(t, newParentEnvironment, func(t *testing.T, e *environment) {
				e.service.Script(taskID, simulator.ReadyAfter(8*time.Second, solution))
				err := e.runParent(func(ctx workflow.Context) error {
					ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(taskID))
					var out workflows.AwaitTaskResultOutput
					err := workflow.ExecuteChildWorkflow(ctx, child,
						workflows.AwaitTaskResultInput{TaskID: taskID, Polling: e.polling}).Get(ctx, &out)
					require.Equal(t, 2, out.Polls)
					require.JSONEq(t, solution, string(out.Solution))
					return err
				})
				require.NoError(t, err)
			})
		})
	}
}

func TestChildWorkflowThatFails(t *testing.T) {
	t.Parallel()
	withEachPollingIn(t, newParentEnvironment, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
		err := e.runParent(func(ctx workflow.Context) error {
			ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(taskID))
			err := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow,
				workflows.AwaitTaskResultInput{TaskID: taskID, Polling: e.polling}).Get(ctx, nil)
			require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", workflows.ErrorCode(err))
			var failure *temporal.ApplicationError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, int64(12), errorDetails(t, failure).ErrorID)
			return nil
		})
		require.NoError(t, err)
	})
}

func TestChildWorkflowThatIsRunning(t *testing.T) {
	t.Parallel()
	e := newParentEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution))
	err := e.runParent(func(ctx workflow.Context) error {
		ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(taskID))
		in := workflows.AwaitTaskResultInput{TaskID: taskID}
		first := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow, in)
		require.NoError(t, first.GetChildWorkflowExecution().Get(ctx, nil))
		second := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow, in)
		require.Equal(t, workflows.AlreadyRunning, workflows.ErrorCode(second.GetChildWorkflowExecution().Get(ctx, nil)))
		require.Equal(t, workflows.AlreadyRunning, workflows.ErrorCode(second.Get(ctx, nil)))
		return first.Get(ctx, nil)
	})
	require.NoError(t, err)
	require.Len(t, e.service.RequestsFor(taskID), 1)
}

func TestChildWorkflowThatIsRunAgain(t *testing.T) {
	t.Parallel()
	e := newParentEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution))
	err := e.runParent(func(ctx workflow.Context) error {
		ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(taskID))
		for range 2 {
			err := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow,
				workflows.AwaitTaskResultInput{TaskID: taskID}).Get(ctx, nil)
			require.NoError(t, err)
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, e.service.RequestsFor(taskID), 2)
}

// The result is still fetched when the parent has gone.
func TestChildWorkflowOutlivesItsParent(t *testing.T) {
	t.Parallel()
	e := newParentEnvironment(t)
	e.service.Script(taskID, simulator.ReadyAfter(time.Minute, solution))
	err := e.runParent(func(ctx workflow.Context) error {
		ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(taskID))
		return workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow,
			workflows.AwaitTaskResultInput{TaskID: taskID}).GetChildWorkflowExecution().Get(ctx, nil)
	})
	require.NoError(t, err)
	require.NoError(t, e.GetWorkflowErrorByID(workflows.WorkflowID(taskID)))
	require.GreaterOrEqual(t, e.elapsed(), time.Minute)
	requests := e.service.RequestsFor(taskID)
	require.Equal(t, "ready", requests[len(requests)-1].Answer)
}

func TestChildWorkflowWithAnInputThatWasDecodedWrong(t *testing.T) {
	t.Parallel()
	e := newParentEnvironment(t)
	var in workflows.AwaitTaskResultInput
	require.NoError(t, json.Unmarshal([]byte(`{"taskId":5,"timeout":"900"}`), &in))
	err := e.runParent(func(ctx workflow.Context) error {
		ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(5))
		return workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow, in).Get(ctx, nil)
	})
	require.ErrorContains(t, err, `timeout is "900": it takes a duration with a unit`)
	require.Empty(t, e.service.Requests())
}
