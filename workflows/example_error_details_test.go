package workflows_test

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// The details of a wait's error say more about it.
func ExampleErrorDetails() {
	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Processing(), twocaptchatest.Error(twocaptcha.ErrorCaptchaUnsolvable))
	environment.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, workflows.AwaitTaskResultInput{TaskID: 74372499131})

	var failure *temporal.ApplicationError
	var details workflows.ErrorDetails
	if errors.As(environment.GetWorkflowError(), &failure) && failure.Details(&details) == nil {
		fmt.Println(details.ErrorID, details.ErrorCode)
		fmt.Println(details.ErrorDescription)
		fmt.Println(details.Polls, "polls")
	}
	// Output:
	// 12 ERROR_CAPTCHA_UNSOLVABLE
	// Workers could not solve the Captcha
	// 2 polls
}
