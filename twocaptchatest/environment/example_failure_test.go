package environment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest/environment"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Each way in which a wait fails is an answer of the fake.
func TestFailures(t *testing.T) {
	for code, answer := range map[string]twocaptchatest.Answer{
		twocaptcha.ErrorCaptchaUnsolvable: twocaptchatest.ErrorAfter(30*time.Second, twocaptcha.ErrorCaptchaUnsolvable),
		workflows.ErrorTypeTaskTimeout:    twocaptchatest.Processing(),
		workflows.ErrorTypeNoAnswer:       twocaptchatest.DroppedConnection(),
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			env := environment.New(t)
			env.Service.Script(74372499131, answer)

			env.ExecuteWorkflow(logInByChild, int64(74372499131))

			err := env.GetWorkflowError()
			require.Equal(t, code, workflows.ErrorCode(err))
			details, ok := workflows.Details(err)
			require.True(t, ok)
			require.Equal(t, int64(74372499131), details.TaskID)
		})
	}
}
