package environment_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest/environment"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// logInBySolving submits a task by a child workflow, and again if it can't be solved.
func logInBySolving(ctx workflow.Context, order string) (string, error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: workflows.SolveWorkflowID(order), TaskQueue: workflows.TaskQueue, WaitForCancellation: true,
	})
	var result workflows.SolveTaskOutput
	err := workflow.ExecuteChildWorkflow(ctx, workflows.SolveTaskWorkflow, workflows.SolveTaskInput{
		Task: json.RawMessage(`{"type": "TextCaptchaTask", "comment": "2+2?"}`), Attempts: 2,
	}).Get(ctx, &result)
	return string(result.Solution), err
}

func TestSolve(t *testing.T) {
	answers := make(chan twocaptchatest.Answer, 2)
	answers <- twocaptchatest.ErrorAfter(20*time.Second, "ERROR_CAPTCHA_UNSOLVABLE")
	answers <- twocaptchatest.ReadyAfter(20*time.Second, `{"text":"4"}`)
	env := environment.New(t, func(options *environment.Options) {
		options.NewTask = func(twocaptchatest.NewTask) twocaptchatest.Submission {
			return twocaptchatest.Submission{Answers: []twocaptchatest.Answer{<-answers}}
		}
	})

	env.ExecuteWorkflow(logInBySolving, "order-17")

	var solution string
	require.NoError(t, env.GetWorkflowResult(&solution))
	require.Equal(t, `{"text":"4"}`, solution)
	require.Empty(t, answers, "two tasks were bought")
}
