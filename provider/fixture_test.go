package provider_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	clientKey = "0123456789abcdef0123456789abcdef"
	taskID    = int64(74372499131)
)

func startService(t *testing.T) *simulator.Server {
	t.Helper()
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	return service
}

func quiet() log.Logger {
	return log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
}

func newEnvironment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet())
	return suite.NewTestWorkflowEnvironment()
}

// requireServes waits for a task that is ready.
func requireServes(t *testing.T, environment *testsuite.TestWorkflowEnvironment, service *simulator.Server, taskID int64) {
	t.Helper()
	service.Script(taskID, simulator.Ready(`{"text":"hello"}`))
	environment.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, workflows.AwaitTaskResultInput{TaskID: taskID})
	require.NoError(t, environment.GetWorkflowError())
	var out workflows.AwaitTaskResultOutput
	require.NoError(t, environment.GetWorkflowResult(&out))
	require.JSONEq(t, `{"text":"hello"}`, string(out.Solution))
}
