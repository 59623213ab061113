package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestAwaitAsChild(t *testing.T) {
	t.Parallel()
	withEachPollingIn(t, newParentEnvironment, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.ReadyAfter(8*time.Second, solution))
		var child workflow.Info
		e.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
			child = *info
		})

		err := e.runParent(func(ctx workflow.Context) error {
			out, err := workflows.AwaitAsChild(ctx, workflows.AwaitTaskResultInput{TaskID: taskID, Polling: e.polling},
				func(options *workflow.ChildWorkflowOptions) { options.TaskQueue = "theirs" },
				func(options *workflow.ChildWorkflowOptions) { options.WorkflowRunTimeout = time.Hour })
			require.Equal(t, 2, out.Polls)
			require.JSONEq(t, solution, string(out.Solution))
			return err
		})

		require.NoError(t, err)
		require.Equal(t, workflows.AwaitTaskResultWorkflow, child.WorkflowType.Name)
		require.Equal(t, workflows.WorkflowID(taskID), child.WorkflowExecution.ID)
		require.Equal(t, "theirs", child.TaskQueueName)
		require.Equal(t, time.Hour, child.WorkflowRunTimeout)
	})
}

// A parent that returns the error fails with it as its own: a retry policy, and a workflow in
// another language, look at the outermost error alone.
func TestAwaitAsChildThatFails(t *testing.T) {
	t.Parallel()
	ended := "task 74372499131: workflow 2captcha-task-74372499131, which waits for it, "
	for name, test := range map[string]struct {
		in      workflows.AwaitTaskResultInput
		answer  simulator.Answer
		happen  func(*environment)
		code    string
		message string
		benign  bool
		details workflows.ErrorDetails
	}{
		"a verdict": {
			answer: simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), code: "ERROR_CAPTCHA_UNSOLVABLE", benign: true,
			message: "getTaskResult: ERROR_CAPTCHA_UNSOLVABLE (a new task may succeed): ",
			details: workflows.ErrorDetails{TaskID: taskID, ErrorID: 12, ErrorCode: "ERROR_CAPTCHA_UNSOLVABLE", Polls: 1},
		},
		"a deadline": {
			in: workflows.AwaitTaskResultInput{Timeout: 5 * time.Second}, answer: simulator.Processing(),
			code: workflows.ErrorTypeTaskTimeout, message: "task 74372499131: no result within 5s",
			details: workflows.ErrorDetails{TaskID: taskID, Polls: 1, LastStatus: "processing"},
		},
		"canceled": {
			answer: simulator.Processing(),
			happen: func(e *environment) {
				e.after(7*time.Second, func() { e.CancelWorkflowByID(workflows.WorkflowID(taskID), "") })
			},
			code: workflows.Canceled, message: ended + "was canceled",
			details: workflows.ErrorDetails{TaskID: taskID},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newParentEnvironment(t)
			e.service.Script(taskID, test.answer)
			if test.happen != nil {
				test.happen(e)
			}
			test.in.TaskID = taskID

			err := e.runParent(func(ctx workflow.Context) error {
				_, err := workflows.AwaitAsChild(ctx, test.in)
				require.Equal(t, test.code, workflows.ErrorCode(err), "also before it leaves the parent")
				return err
			})

			failure := applicationError(t, err)
			require.Equal(t, test.code, failure.Type())
			require.Equal(t, test.code, workflows.ErrorCode(err))
			require.Contains(t, failure.Message(), test.message)
			require.Equal(t, test.benign, failure.Category() == temporal.ApplicationErrorCategoryBenign)
			details, ok := workflows.Details(err)
			require.True(t, ok)
			details.ErrorDescription = ""
			require.Equal(t, test.details, details)
		})
	}
}

func TestAwaitAsChildOfATaskThatIsWaitedFor(t *testing.T) {
	t.Parallel()
	e := newParentEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution))

	err := e.runParent(func(ctx workflow.Context) error {
		options := workflow.WithChildOptions(ctx, workflows.ChildOptions(taskID))
		in := workflows.AwaitTaskResultInput{TaskID: taskID}
		first := workflow.ExecuteChildWorkflow(options, workflows.AwaitTaskResultWorkflow, in)
		require.NoError(t, first.GetChildWorkflowExecution().Get(ctx, nil))

		_, err := workflows.AwaitAsChild(ctx, in)

		require.NoError(t, first.Get(ctx, nil), "the wait that was running goes on")
		return err
	})

	failure := applicationError(t, err)
	require.Equal(t, workflows.AlreadyRunning, failure.Type())
	require.Contains(t, failure.Message(),
		"task 74372499131: workflow 2captcha-task-74372499131, which waits for it, is running already")
	require.Equal(t, workflows.ErrorDetails{TaskID: taskID}, errorDetails(t, failure))
	require.Len(t, e.service.RequestsFor(taskID), 1)
}

func TestAwaitAsChildWithAnInvalidInput(t *testing.T) {
	t.Parallel()
	e := newParentEnvironment(t)
	e.SetOnChildWorkflowStartedListener(func(*workflow.Info, workflow.Context, converter.EncodedValues) {
		require.Fail(t, "a child is started")
	})

	err := e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.AwaitAsChild(ctx, workflows.AwaitTaskResultInput{TaskID: taskID, PollInterval: time.Second})
		return err
	})

	requireInvalidInput(t, applicationError(t, err))
	require.Equal(t, activities.ErrorTypeInvalidInput, workflows.ErrorCode(err))
}

// The task is paid for: its result is fetched, whatever becomes of the parent.
func TestAwaitAsChildWhenTheParentIsCanceled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at         time.Duration
		beforeCall bool
	}{
		"while the child waits": {at: 7 * time.Second},
		"before the call":       {beforeCall: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newParentEnvironment(t)
			e.service.Script(taskID, simulator.ReadyAfter(time.Minute, solution))
			if !test.beforeCall {
				e.after(test.at, e.CancelWorkflow)
			}
			var returned time.Duration
			in := workflows.AwaitTaskResultInput{TaskID: taskID}

			err := e.runParent(func(ctx workflow.Context) error {
				if test.beforeCall {
					canceled, cancel := workflow.WithCancel(ctx)
					cancel()
					ctx = canceled
				}
				_, err := workflows.AwaitAsChild(ctx, in)
				returned = e.elapsed()
				require.Equal(t, ctx.Err(), err)
				require.True(t, temporal.IsCanceledError(err), "%v", err)
				return err
			})

			require.Equal(t, workflows.Canceled, workflows.ErrorCode(err))
			require.Less(t, returned-test.at, time.Second, "the parent has its cancellation at once")
			require.NoError(t, e.GetWorkflowErrorByID(workflows.WorkflowID(taskID)), "the child goes on")
			requests := e.service.RequestsFor(taskID)
			require.NotEmpty(t, requests)
			require.Equal(t, "ready", requests[len(requests)-1].Answer)
		})
	}
}

// A result that is there is returned, whatever else has happened by then.
func TestAwaitAsChildIsOverBeforeTheParentIsCanceled(t *testing.T) {
	t.Parallel()
	e := newParentEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution))
	err := e.runParent(func(ctx workflow.Context) error {
		ctx, cancel := workflow.WithCancel(ctx)
		out, err := workflows.AwaitAsChild(ctx, workflows.AwaitTaskResultInput{TaskID: taskID})
		cancel()
		require.JSONEq(t, solution, string(out.Solution))
		return err
	})
	require.NoError(t, err)
	require.Zero(t, e.timersCanceled)
}
