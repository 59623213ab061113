package provider_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/nexusservice"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// newCallerEnvironment is a user's test environment: the plugin, and the caller's workflow.
func newCallerEnvironment(t *testing.T, config provider.Config) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	config.ClientKey = clientKey
	plugin, err := provider.NewPlugin(config)
	require.NoError(t, err)
	environment := newEnvironment()
	environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	return environment
}

// run runs the caller, and returns what it ended with.
func run(environment *testsuite.TestWorkflowEnvironment, caller func(workflow.Context) error) error {
	environment.RegisterWorkflowWithOptions(caller, workflow.RegisterOptions{Name: "caller"})
	environment.ExecuteWorkflow("caller")
	return environment.GetWorkflowError()
}

func call(ctx workflow.Context, operation, input any) workflow.NexusOperationFuture {
	return workflow.NewNexusClient("endpoint", nexusservice.Service).ExecuteOperation(ctx, operation, input,
		workflow.NexusOperationOptions{ScheduleToCloseTimeout: time.Hour})
}

func TestNexusInATestEnvironment(t *testing.T) {
	t.Parallel()
	service := startService(t)
	service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"hello"}`))
	environment := newCallerEnvironment(t, provider.Config{APIURL: service.URL()})
	require.NoError(t, run(environment, func(ctx workflow.Context) error {
		in := workflows.AwaitTaskResultInput{TaskID: taskID}
		first, second := call(ctx, nexusservice.AwaitTaskResult, in), call(ctx, nexusservice.AwaitTaskResult, in)
		var outputs [3]workflows.AwaitTaskResultOutput
		require.NoError(t, first.Get(ctx, &outputs[0]))
		require.NoError(t, second.Get(ctx, &outputs[1]))
		require.Len(t, service.RequestsFor(taskID), 2, "they share the wait")
		require.NoError(t, call(ctx, nexusservice.AwaitTaskResult, in).Get(ctx, &outputs[2]), "after the wait")
		for _, output := range outputs {
			require.JSONEq(t, `{"text":"hello"}`, string(output.Solution))
		}
		return nil
	}))
}

func TestNexusSolveTaskInATestEnvironment(t *testing.T) {
	t.Parallel()
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey, NewTask: func(simulator.NewTask) simulator.Submission {
		return simulator.Submission{Answers: []simulator.Answer{simulator.Ready(`{"text":"4"}`)}}
	}})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	environment := newCallerEnvironment(t, provider.Config{APIURL: service.URL()})
	err = run(environment, func(ctx workflow.Context) error {
		in := workflows.SolveTaskInput{Task: json.RawMessage(`{"type":"TextCaptchaTask","comment":"2+2?"}`), ID: "order-17"}
		var output workflows.SolveTaskOutput
		require.NoError(t, call(ctx, nexusservice.SolveTask, in).Get(ctx, &output))
		require.JSONEq(t, `{"text":"4"}`, string(output.Solution))
		in.ID = ""
		require.NoError(t, call(ctx, nexusservice.SolveTask, in).Get(ctx, &output), "another purchase")
		in.ID = "order-17"
		return call(ctx, nexusservice.SolveTask, in).Get(ctx, &output)
	})
	require.Len(t, service.Purchases(), 2)
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Contains(t, failure.Message(), "can't tell its result to another caller")
}

func TestNexusErrorsInATestEnvironment(t *testing.T) {
	t.Parallel()
	service := startService(t)
	service.Script(taskID, simulator.Error(twocaptcha.ErrorCaptchaUnsolvable))
	for name, test := range map[string]struct {
		input any
		code  string
		says  string
	}{
		"a failed wait":    {workflows.AwaitTaskResultInput{TaskID: taskID}, twocaptcha.ErrorCaptchaUnsolvable, ""},
		"no input":         {nil, activities.ErrorTypeInvalidInput, "there is no input"},
		"of another shape": {[]int{1}, activities.ErrorTypeInvalidInput, "not a JSON object"},
		"bytes":            {[]byte("{}"), activities.ErrorTypeInvalidInput, `is encoded as "binary/plain"`},
		"misspelled":       {json.RawMessage(`{"taskID": 5}`), activities.ErrorTypeInvalidInput, `"taskID" is not a property`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(newCallerEnvironment(t, provider.Config{APIURL: service.URL()}), func(ctx workflow.Context) error {
				return call(ctx, nexusservice.AwaitTaskResultOperation, test.input).Get(ctx, nil)
			})
			require.Equal(t, test.code, workflows.ErrorCode(err))
			_, ok := workflows.Details(err)
			require.True(t, ok)
			var failure *temporal.ApplicationError
			require.ErrorAs(t, err, &failure)
			require.Contains(t, failure.Message(), test.says)
		})
	}
}

// Users mock the service in place of ours.
func TestNexusThatIsDisabled(t *testing.T) {
	t.Parallel()
	environment := newCallerEnvironment(t, provider.Config{DisableNexus: true})
	service := nexus.NewService(nexusservice.Service)
	service.MustRegister(nexus.NewSyncOperation(nexusservice.AwaitTaskResultOperation,
		func(context.Context, workflows.AwaitTaskResultInput, nexus.StartOperationOptions) (workflows.AwaitTaskResultOutput, error) {
			return workflows.AwaitTaskResultOutput{TaskID: 5}, nil
		}))
	environment.RegisterNexusService(service)
	require.NoError(t, run(environment, func(ctx workflow.Context) error {
		var output workflows.AwaitTaskResultOutput
		require.NoError(t, call(ctx, nexusservice.AwaitTaskResult, workflows.AwaitTaskResultInput{TaskID: 5}).Get(ctx, &output))
		require.Equal(t, int64(5), output.TaskID)
		return nil
	}))
}

// A caller comes just as the run that has closed is followed by another one.
func TestNexusCallerOfARunThatGoesOnIsRepeated(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"open":         context.DeadlineExceeded,
		"continued":    new(workflow.ContinueAsNewError),
		"deleted":      serviceerror.NewNotFound("no such workflow"),
		"out of reach": serviceerror.NewUnavailable("unreachable"),
	} {
		run := new(mocks.WorkflowRun)
		run.On("GetID").Return("2captcha-task-5")
		run.On("GetWithOptions", mock.Anything, mock.Anything, mock.Anything).Return(err)
		_, err = provider.AnswerOf(t.Context(), run)
		var refused *nexus.HandlerError
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, nexus.HandlerErrorTypeUnavailable, refused.Type, name)
		require.True(t, refused.Retryable(), name)
	}
}
