package environment_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest/environment"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// logInInline waits for a task within its own history, and is woken by the service's call.
func logInInline(ctx workflow.Context, taskID int64) (string, error) {
	result, err := workflows.Await(ctx,
		workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true, InitialDelay: 10 * time.Minute},
		workflows.WithCallbacks(workflows.NewCallbacks(ctx)))
	return string(result.Solution), err
}

func TestInlineWaitThatIsCalledBack(t *testing.T) {
	env := environment.New(t)
	env.Service.Script(74372499131,
		twocaptchatest.Status(http.StatusBadGateway, "no upstream"), // which is asked again
		twocaptchatest.Ready(`{"token":"03AFcWeA"}`))
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: 74372499131})
	}, time.Minute)
	began := env.Now()

	env.ExecuteWorkflow(logInInline, int64(74372499131))

	var solution string
	require.NoError(t, env.GetWorkflowResult(&solution))
	require.Equal(t, `{"token":"03AFcWeA"}`, solution)
	require.Less(t, env.Now().Sub(began), 2*time.Minute, "the call woke it")
	require.Len(t, env.Service.RequestsFor(74372499131), 2)
}
