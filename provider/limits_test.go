package provider_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A wait that is told of a ban ends with its result, in time that is skipped.
func TestWaitOutlastsABan(t *testing.T) {
	t.Parallel()
	for _, polling := range []string{"timer", "activityRetry"} {
		t.Run(polling, func(t *testing.T) {
			t.Parallel()
			environment := newEnvironment()
			service, err := simulator.Start(simulator.Options{ClientKey: clientKey, Clock: environment.Now})
			require.NoError(t, err)
			t.Cleanup(service.Close)
			plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey, APIURL: service.URL(), Now: environment.Now})
			require.NoError(t, err)
			environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
			service.Script(taskID, simulator.Ready(`{}`))
			service.Ban(4 * time.Minute)
			environment.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, workflows.AwaitTaskResultInput{
				TaskID: taskID, Polling: workflows.Polling(polling)})
			require.NoError(t, environment.GetWorkflowError())
			require.Len(t, service.Requests(), 3, "two of them during the ban")
		})
	}
}

// A worker of somebody else hears of the key file in its own log.
func TestWorkersLogTellsOfTheKeyFile(t *testing.T) {
	t.Parallel()
	const wrongKey = "wrong0123456789abcdef0wrong01234"
	service := startService(t)
	service.Script(taskID)
	path := filepath.Join(t.TempDir(), "key")
	write := func(key string) { require.NoError(t, os.WriteFile(path, []byte(key), 0o600)) }
	write(clientKey)
	var elapsed atomic.Int64
	var usable func() error
	plugin, err := provider.NewPlugin(provider.Config{
		ClientKeyFile: path, APIURL: service.URL(),
		KeyCheck: func(check func() error) { usable = check },
		Now:      func() time.Time { return time.Unix(1_800_000_000, elapsed.Load()) },
	})
	require.NoError(t, err)
	require.NoError(t, usable())
	var lines strings.Builder
	ask := func() error {
		elapsed.Add(int64(5 * time.Second))
		lines.Reset()
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(&lines, nil))))
		environment := suite.NewTestActivityEnvironment()
		environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
		_, err := environment.ExecuteActivity("getTaskResult", map[string]int64{"taskId": taskID})
		return err
	}
	require.NoError(t, ask())
	write(wrongKey)
	var failure *temporal.ApplicationError
	require.ErrorAs(t, ask(), &failure)
	require.Equal(t, "ERROR_KEY_DOES_NOT_EXIST", failure.Type())
	require.False(t, failure.NonRetryable())
	require.Contains(t, lines.String(), `level=ERROR msg="the service refuses the changed client key`)
	require.NotContains(t, lines.String(), wrongKey)
	require.NoError(t, ask(), "with the last good key")
	require.NoError(t, os.Remove(path))
	require.NoError(t, ask())
	require.Contains(t, lines.String(), `level=WARN msg="the client key file is not usable`)
	require.Contains(t, lines.String(), "ActivityType=getTaskResult")
	require.NoError(t, usable())
	elapsed.Add(int64(10 * time.Minute))
	require.ErrorContains(t, usable(), "no such file or directory")
	require.ErrorAs(t, ask(), &failure)
	require.Equal(t, "RequestFailed", failure.Type())
	write(clientKey)
	require.NoError(t, usable())
}
