package workflows_test

import (
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// The details of a wait's error say more about it.
func ExampleDetails() {
	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Processing(), twocaptchatest.Error(twocaptcha.ErrorCaptchaUnsolvable))
	environment.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, workflows.AwaitTaskResultInput{TaskID: 74372499131})

	if details, ok := workflows.Details(environment.GetWorkflowError()); ok {
		fmt.Println(details.ErrorID, details.ErrorCode)
		fmt.Println(details.ErrorDescription)
		fmt.Println(details.Polls, "polls")
	}
	// Output:
	// 12 ERROR_CAPTCHA_UNSOLVABLE
	// Workers could not solve the Captcha
	// 2 polls
}
