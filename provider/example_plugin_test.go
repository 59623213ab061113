package provider_test

import (
	"fmt"
	"io"
	"log/slog"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// One line in a worker's options registers the whole provider.
func ExampleNewPlugin() {
	service, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "key"})
	if err != nil {
		panic(err)
	}
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Ready(`{"token":"03AFcWeA"}`))

	plugin, err := provider.NewPlugin(provider.Config{ClientKey: "key", APIURL: service.URL()})
	if err != nil {
		panic(err)
	}
	options := worker.Options{Plugins: []worker.Plugin{plugin}} // as for worker.New

	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	environment := suite.NewTestWorkflowEnvironment()
	environment.SetWorkerOptions(options)
	environment.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, workflows.AwaitTaskResultInput{TaskID: 74372499131})
	var result workflows.AwaitTaskResultOutput
	fmt.Println(environment.GetWorkflowResult(&result), string(result.Solution))
	// Output: <nil> {"token":"03AFcWeA"}
}
