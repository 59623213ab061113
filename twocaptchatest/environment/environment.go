// Package environment tests workflows that use the provider with the provider's own code: the
// shipped workflows and activities run in Temporal's test environment, against a fake 2captcha
// service, and time is skipped. It needs no server, account or network:
//
//	func TestLogIn(t *testing.T) {
//		env := environment.New(t)
//		env.Service.Script(74372499131, twocaptchatest.ReadyAfter(2*time.Minute, `{"token":"03AFcWeA"}`))
//		env.ExecuteWorkflow(LogIn, int64(74372499131))
//		require.NoError(t, env.GetWorkflowError())
//	}
//
// # What the environment does not do
//
// Temporal's test environment repeats an activity ten times at most; on a server it would be
// repeated until its timeout. It does not attach a second start of a workflow to the first.
package environment

import (
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// Environment is Temporal's test environment with the provider. Like that, it runs one workflow and
// its children, and belongs to one test.
type Environment struct {
	*testsuite.TestWorkflowEnvironment
	// Service is the fake that the provider's activities ask. It goes by the environment's clock.
	Service *twocaptchatest.Server
}

// Options change what [New] returns. The zero value changes nothing.
type Options struct {
	// NewTask decides what becomes of a task that is submitted, as in twocaptchatest.Options.
	NewTask func(twocaptchatest.NewTask) twocaptchatest.Submission
	// Worker are the options of the environment's worker, such as interceptors. The provider's plugin
	// is added to its plugins. SetWorkerOptions can't be called after New.
	Worker worker.Options
	// Logger takes what the workflows, the activities and the SDK log; nil: nobody does.
	Logger log.Logger
}

// New returns an environment that ends with the test. change may set options. It fails the test if
// the fake can't be started.
func New(t testing.TB, change ...func(*Options)) *Environment {
	t.Helper()
	options := Options{Logger: log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))}
	for _, each := range change {
		each(&options)
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(options.Logger)
	environment := suite.NewTestWorkflowEnvironment()
	environment.SetTestTimeout(time.Minute) // of real time in which nothing happens: the fake is asked over HTTP

	const clientKey = "test-key"
	service, err := twocaptchatest.Start(twocaptchatest.Options{
		ClientKey: clientKey, Clock: environment.Now, NewTask: options.NewTask,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey, APIURL: service.URL(), Now: environment.Now})
	if err != nil {
		t.Fatal(err)
	}
	options.Worker.Plugins = append(slices.Clone(options.Worker.Plugins), plugin)
	environment.SetWorkerOptions(options.Worker)
	return &Environment{environment, service}
}
