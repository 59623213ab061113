package workflows_test

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// The code of an error tells a workflow what to do about a task without a result.
func ExampleErrorCode() {
	register := func(ctx workflow.Context) (string, error) {
		_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: 74372499131})
		switch workflows.ErrorCode(err) {
		case "":
			return "solved", err
		case twocaptcha.ErrorCaptchaUnsolvable, workflows.ErrorTypeTaskTimeout:
			return "submit another task", nil
		default:
			return "", err
		}
	}

	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Error(twocaptcha.ErrorCaptchaUnsolvable))
	environment.ExecuteWorkflow(register)
	var decision string
	fmt.Println(environment.GetWorkflowResult(&decision), decision)
	// Output: <nil> submit another task
}
