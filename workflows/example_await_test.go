package workflows_test

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// exampleEnvironment returns a test environment with the provider's plugin, and a fake service in
// place of the real one, where a submitted task is ready at once.
func exampleEnvironment() (*testsuite.TestWorkflowEnvironment, *twocaptchatest.Server) {
	service, err := twocaptchatest.Start(twocaptchatest.Options{
		ClientKey: "key",
		NewTask: func(twocaptchatest.NewTask) twocaptchatest.Submission {
			return twocaptchatest.Submission{Answers: []twocaptchatest.Answer{twocaptchatest.Ready(`{"text":"4"}`)}}
		},
	})
	if err != nil {
		panic(err)
	}
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: "key", APIURL: service.URL()})
	if err != nil {
		panic(err)
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	environment := suite.NewTestWorkflowEnvironment()
	environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	return environment, service
}

// A workflow waits for a task's result within its own history.
func ExampleAwait() {
	register := func(ctx workflow.Context) (string, error) {
		result, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: 74372499131, Timeout: 5 * time.Minute})
		if err != nil {
			return "", err
		}
		return string(result.Solution), nil
	}

	environment, service := exampleEnvironment()
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Processing(), twocaptchatest.Ready(`{"token":"03AFcWeA"}`))
	environment.ExecuteWorkflow(register)
	var solution string
	fmt.Println(environment.GetWorkflowResult(&solution), solution)
	// Output: <nil> {"token":"03AFcWeA"}
}
