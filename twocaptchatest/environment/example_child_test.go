package environment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest/environment"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// logInByChild waits for a task by a child workflow.
func logInByChild(ctx workflow.Context, taskID int64) (string, error) {
	result, err := workflows.AwaitAsChild(ctx, workflows.AwaitTaskResultInput{TaskID: taskID})
	return string(result.Solution), err
}

func TestChild(t *testing.T) {
	env := environment.New(t)
	env.Service.Script(74372499131, twocaptchatest.ReadyAfter(2*time.Minute, `{"token":"03AFcWeA"}`))
	began := env.Now()

	env.ExecuteWorkflow(logInByChild, int64(74372499131))

	var solution string
	require.NoError(t, env.GetWorkflowResult(&solution))
	require.Equal(t, `{"token":"03AFcWeA"}`, solution)
	require.GreaterOrEqual(t, env.Now().Sub(began), 2*time.Minute, "which were skipped")
}
