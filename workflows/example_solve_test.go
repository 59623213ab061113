package workflows_test

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A workflow submits a task and waits for its result, both within its own history.
func ExampleSolve() {
	ask := func(ctx workflow.Context) (string, error) {
		result, err := workflows.Solve(ctx, workflows.SolveTaskInput{
			Task:     json.RawMessage(`{"type": "TextCaptchaTask", "comment": "2+2?"}`),
			Attempts: 2, // another one follows if the service can't solve the first
		})
		if err != nil {
			return "", err
		}
		return string(result.Solution), nil
	}

	environment, service := exampleEnvironment()
	defer service.Close()
	environment.ExecuteWorkflow(ask)
	var solution string
	fmt.Println(environment.GetWorkflowResult(&solution), solution)
	// Output: <nil> {"text":"4"}
}
