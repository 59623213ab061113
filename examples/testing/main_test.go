package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// newEnvironment returns a test environment with the provider's own code. A task that is submitted
// there gets these answers, by the environment's clock.
func newEnvironment(t *testing.T, answers ...twocaptchatest.Answer) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	environment := suite.NewTestWorkflowEnvironment()
	service, err := twocaptchatest.Start(twocaptchatest.Options{
		ClientKey: "test-key", Clock: environment.Now,
		NewTask: func(twocaptchatest.NewTask) twocaptchatest.Submission {
			return twocaptchatest.Submission{Answers: answers}
		},
	})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: "test-key", APIURL: service.URL(), Now: environment.Now})
	require.NoError(t, err)
	environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	environment.RegisterActivity(AskPerson)
	return environment
}

func TestTheServiceIsAskedFirst(t *testing.T) {
	t.Parallel()
	environment := newEnvironment(t, twocaptchatest.ReadyAfter(2*time.Minute, `{"text":"4"}`))

	environment.ExecuteWorkflow(FindAnswer, "What is 2+2?")

	var answer string
	require.NoError(t, environment.GetWorkflowResult(&answer))
	require.Equal(t, `{"text":"4"}`, answer)
}

func TestAPersonIsAskedForWhatTheServiceCantSolve(t *testing.T) {
	t.Parallel()
	environment := newEnvironment(t, twocaptchatest.ErrorAfter(time.Minute, twocaptcha.ErrorCaptchaUnsolvable))
	environment.OnActivity(AskPerson, "What is 2+2?", twocaptcha.ErrorCaptchaUnsolvable).Return("four", nil).Once()

	environment.ExecuteWorkflow(FindAnswer, "What is 2+2?")

	var answer string
	require.NoError(t, environment.GetWorkflowResult(&answer))
	require.Equal(t, "four", answer)
	environment.AssertExpectations(t)
}

func TestNobodyIsAskedOnceAnAccountIsEmpty(t *testing.T) {
	t.Parallel()
	environment := newEnvironment(t, twocaptchatest.Error("ERROR_ZERO_BALANCE"))
	environment.OnActivity(AskPerson, mock.Anything, mock.Anything).Never()

	environment.ExecuteWorkflow(FindAnswer, "What is 2+2?")

	require.Equal(t, "ERROR_ZERO_BALANCE", workflows.ErrorCode(environment.GetWorkflowError()))
}
