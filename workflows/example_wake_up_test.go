package workflows_test

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A signal that the workflow defines itself makes the wait poll before its time.
func ExampleWithWakeUp() {
	register := func(ctx workflow.Context) (time.Duration, error) {
		begin := workflow.Now(ctx)
		_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: 74372499131, InitialDelay: 10 * time.Minute},
			workflows.WithWakeUp(workflow.GetSignalChannel(ctx, "solved")))
		return workflow.Now(ctx).Sub(begin), err
	}

	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Ready(`{"token":"03AFcWeA"}`))
	environment.RegisterDelayedCallback(func() { environment.SignalWorkflow("solved", nil) }, 20*time.Second)
	environment.ExecuteWorkflow(register)
	var waited time.Duration
	fmt.Println(environment.GetWorkflowResult(&waited), waited)
	// Output: <nil> 20s
}
