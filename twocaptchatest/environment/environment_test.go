package environment_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest/environment"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// The 5 seconds between two requests pass by the environment's clock, in each way to poll.
func TestRequestsAreSpacedByTheEnvironmentsClock(t *testing.T) {
	t.Parallel()
	for _, polling := range []workflows.Polling{workflows.PollingTimer, workflows.PollingActivityRetry} {
		t.Run(string(polling), func(t *testing.T) {
			t.Parallel()
			env := environment.New(t)
			env.Service.Script(7, twocaptchatest.DroppedConnection(), twocaptchatest.ReadyAfter(40*time.Second, `{}`))

			env.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, workflows.AwaitTaskResultInput{TaskID: 7, Polling: polling})

			require.NoError(t, env.GetWorkflowError())
			requests := env.Service.RequestsFor(7)
			require.Greater(t, len(requests), 3)
			for i := 1; i < len(requests); i++ {
				require.GreaterOrEqual(t, requests[i].Arrived.Sub(requests[i-1].Arrived), 5*time.Second)
			}
		})
	}
}

func TestStatusIsAnsweredWhileTimeIsSkipped(t *testing.T) {
	t.Parallel()
	env := environment.New(t)
	env.Service.Script(7, twocaptchatest.ReadyAfter(2*time.Minute, `{}`))
	var status workflows.AwaitTaskResultStatus
	env.RegisterDelayedCallback(func() {
		answer, err := env.QueryWorkflow(workflows.StatusQuery)
		require.NoError(t, err)
		require.NoError(t, answer.Get(&status))
	}, time.Minute)
	env.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, workflows.AwaitTaskResultInput{TaskID: 7})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, workflows.StateWaiting, status.State)
	require.Equal(t, "processing", status.LastStatus)
}

func TestCancellationEndsTheWait(t *testing.T) {
	t.Parallel()
	env := environment.New(t)
	env.Service.Script(7)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, workflows.AwaitTaskResultInput{TaskID: 7})
	require.Equal(t, workflows.Canceled, workflows.ErrorCode(env.GetWorkflowError()))
}

type countingInterceptor struct {
	interceptor.WorkerInterceptorBase
	workflows int
}

func (c *countingInterceptor) InterceptWorkflow(
	_ workflow.Context, next interceptor.WorkflowInboundInterceptor,
) interceptor.WorkflowInboundInterceptor {
	c.workflows++
	return next
}

func TestOptionsOfTheWorkerAndALogger(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	counting := &countingInterceptor{}
	env := environment.New(t, func(options *environment.Options) {
		options.Worker = worker.Options{Interceptors: []interceptor.WorkerInterceptor{counting}}
		options.Logger = log.NewStructuredLogger(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	})
	env.Service.Script(7, twocaptchatest.Ready(`{}`))
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		workflow.GetLogger(ctx).Info("begun")
		_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: 7})
		return err
	})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 1, counting.workflows)
	require.Contains(t, logged.String(), "begun")
}
