package workflows_test

import (
	"fmt"
	"time"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A query tells how far a wait has come.
func ExampleAwaitTaskResultStatus() {
	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131)
	environment.RegisterDelayedCallback(func() {
		answer, err := environment.QueryWorkflow(workflows.StatusQuery)
		if err != nil {
			panic(err)
		}
		var status workflows.AwaitTaskResultStatus
		if err := answer.Get(&status); err != nil {
			panic(err)
		}
		fmt.Println(status.State, status.Polls, status.LastStatus)
	}, 7*time.Second)
	environment.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow,
		workflows.AwaitTaskResultInput{TaskID: 74372499131, Timeout: time.Minute})
	// Output: waiting 1 processing
}
