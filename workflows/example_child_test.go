package workflows_test

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A worker with the provider waits in a child workflow, whose result the workflow gets, and which
// outlives it.
func ExampleAwaitAsChild() {
	register := func(ctx workflow.Context, taskID int64) (string, error) {
		result, err := workflows.AwaitAsChild(ctx, workflows.AwaitTaskResultInput{TaskID: taskID})
		return string(result.Solution), err
	}

	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Ready(`{"token":"03AFcWeA"}`))
	environment.ExecuteWorkflow(register, int64(74372499131))
	var solution string
	fmt.Println(environment.GetWorkflowResult(&solution), solution)
	// Output: <nil> {"token":"03AFcWeA"}
}

// Without AwaitAsChild the child has the life that its parent gives it.
func ExampleChildOptions() {
	register := func(ctx workflow.Context, taskID int64) (string, error) {
		ctx = workflow.WithChildOptions(ctx, workflows.ChildOptions(taskID))
		var result workflows.AwaitTaskResultOutput
		err := workflow.ExecuteChildWorkflow(ctx, workflows.AwaitTaskResultWorkflow,
			workflows.AwaitTaskResultInput{TaskID: taskID}).Get(ctx, &result)
		return string(result.Solution), err
	}

	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Ready(`{"token":"03AFcWeA"}`))
	environment.ExecuteWorkflow(register, int64(74372499131))
	var solution string
	fmt.Println(environment.GetWorkflowResult(&solution), solution)
	// Output: <nil> {"token":"03AFcWeA"}
}
