package twocaptchatest_test

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

// A workflow is tested in Temporal's test environment, which skips the minutes that a task takes:
// the fake goes by the environment's clock.
func Example() {
	solve := func(ctx workflow.Context) (string, error) {
		result, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: 74372499131})
		if err != nil {
			return "", err
		}
		return string(result.Solution), nil
	}

	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	environment := suite.NewTestWorkflowEnvironment()
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key", Clock: environment.Now})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: "test-key", APIURL: server.URL()})
	if err != nil {
		panic(err)
	}
	environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	server.Script(74372499131, twocaptchatest.ReadyAfter(2*time.Minute, `{"token":"03AFcWeA"}`))
	began := environment.Now()

	environment.ExecuteWorkflow(solve)

	var solution string
	fmt.Println(environment.GetWorkflowResult(&solution), solution)
	fmt.Println("two minutes have passed:", environment.Now().Sub(began) >= 2*time.Minute)
	// Output:
	// <nil> {"token":"03AFcWeA"}
	// two minutes have passed: true
}
