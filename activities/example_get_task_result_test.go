package activities_test

import (
	"fmt"
	"io"
	"log/slog"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// Any workflow can ask once, by the activity's name.
func ExampleActivities_GetTaskResult() {
	service, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "key"})
	if err != nil {
		panic(err)
	}
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Processing())
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "key", URL: service.URL()})
	if err != nil {
		panic(err)
	}

	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	environment := suite.NewTestActivityEnvironment()
	activities.New(client).Register(environment)
	value, err := environment.ExecuteActivity(activities.GetTaskResultActivity,
		activities.GetTaskResultInput{TaskID: 74372499131})
	if err != nil {
		panic(err)
	}
	var answer activities.GetTaskResultOutput
	fmt.Println(value.Get(&answer), answer.Status)
	// Output: <nil> processing
}
