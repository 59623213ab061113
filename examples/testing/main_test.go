package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest/environment"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// newEnvironment returns a test environment with the provider's own code. A task that is submitted
// there gets this answer, by the environment's clock.
func newEnvironment(t *testing.T, answer twocaptchatest.Answer) *environment.Environment {
	t.Helper()
	env := environment.New(t, func(options *environment.Options) {
		options.NewTask = func(twocaptchatest.NewTask) twocaptchatest.Submission {
			return twocaptchatest.Submission{Answers: []twocaptchatest.Answer{answer}}
		}
	})
	env.RegisterActivity(AskPerson)
	return env
}

func TestTheServiceIsAskedFirst(t *testing.T) {
	t.Parallel()
	env := newEnvironment(t, twocaptchatest.ReadyAfter(2*time.Minute, `{"text":"4"}`))

	env.ExecuteWorkflow(FindAnswer, "What is 2+2?")

	var answer string
	require.NoError(t, env.GetWorkflowResult(&answer))
	require.Equal(t, `{"text":"4"}`, answer)
}

func TestAPersonIsAskedForWhatTheServiceCantSolve(t *testing.T) {
	t.Parallel()
	env := newEnvironment(t, twocaptchatest.ErrorAfter(time.Minute, twocaptcha.ErrorCaptchaUnsolvable))
	env.OnActivity(AskPerson, "What is 2+2?", twocaptcha.ErrorCaptchaUnsolvable).Return("four", nil).Once()

	env.ExecuteWorkflow(FindAnswer, "What is 2+2?")

	var answer string
	require.NoError(t, env.GetWorkflowResult(&answer))
	require.Equal(t, "four", answer)
	env.AssertExpectations(t)
}

func TestNobodyIsAskedOnceTheAccountIsEmpty(t *testing.T) {
	t.Parallel()
	env := newEnvironment(t, twocaptchatest.Error("ERROR_ZERO_BALANCE"))
	env.OnActivity(AskPerson, mock.Anything, mock.Anything).Never()

	env.ExecuteWorkflow(FindAnswer, "What is 2+2?")

	require.Equal(t, "ERROR_ZERO_BALANCE", workflows.ErrorCode(env.GetWorkflowError()))
}
