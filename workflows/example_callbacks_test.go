package workflows_test

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A workflow that waits for two tasks at once hands each call of the service to the wait of its
// task.
func ExampleNewCallbacks() {
	solveBoth := func(ctx workflow.Context) error {
		begin := workflow.Now(ctx)
		callbacks := workflows.WithCallbacks(workflows.NewCallbacks(ctx))
		waits := workflow.NewWaitGroup(ctx)
		for _, taskID := range []int64{74372499131, 74372499132} {
			waits.Add(1)
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer waits.Done()
				in := workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true, InitialDelay: 10 * time.Minute}
				result, err := workflows.Await(ctx, in, callbacks)
				fmt.Println(result.TaskID, err, workflow.Now(ctx).Sub(begin))
			})
		}
		waits.Wait(ctx)
		return nil
	}

	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Ready(`{"token":"03AFcWeA"}`))
	service.Script(74372499132, twocaptchatest.Ready(`{"token":"03AGdBq2"}`))
	call := func(taskID int64) {
		environment.SignalWorkflow(workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: taskID})
	}
	environment.RegisterDelayedCallback(func() { call(74372499132) }, 20*time.Second)
	environment.RegisterDelayedCallback(func() { call(74372499131) }, 30*time.Second)
	environment.ExecuteWorkflow(solveBoth)
	fmt.Println(environment.GetWorkflowError())
	// Output:
	// 74372499132 <nil> 20s
	// 74372499131 <nil> 30s
	// <nil>
}
