package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestPluginServesSeveralWorkers(t *testing.T) {
	t.Parallel()
	service := startService(t)
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey, APIURL: service.URL()})
	require.NoError(t, err)
	require.Equal(t, "temporal-providers.2captcha", plugin.Name())
	for id := int64(1); id <= 3; id++ {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			environment := newEnvironment()
			environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
			requireServes(t, environment, service, id)
		})
	}
}

// A worker can be made before its server is reachable.
func TestPluginFitsAWorker(t *testing.T) {
	t.Parallel()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey})
	require.NoError(t, err)
	lazy, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: quiet()})
	require.NoError(t, err)
	t.Cleanup(lazy.Close)
	for range 2 {
		require.NotPanics(t, func() {
			worker.New(lazy, workflows.TaskQueue, worker.Options{Plugins: []worker.Plugin{plugin}})
		})
	}
}

// A worker that is a version of a deployment needs to know for each workflow which version goes on
// with it.
func TestPluginFitsAVersionedWorker(t *testing.T) {
	t.Parallel()
	lazy, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: quiet()})
	require.NoError(t, err)
	t.Cleanup(lazy.Close)
	versioned := worker.New(lazy, workflows.TaskQueue, worker.Options{DeploymentOptions: worker.DeploymentOptions{
		UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: "theirs", BuildID: "1"},
	}})
	require.NotPanics(t, func() {
		require.NoError(t, provider.Register(versioned, provider.Config{ClientKey: clientKey}))
	})
}

func TestPluginInAnActivityEnvironment(t *testing.T) {
	t.Parallel()
	service := startService(t)
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey, APIURL: service.URL()})
	require.NoError(t, err)
	service.Script(taskID)
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet())
	environment := suite.NewTestActivityEnvironment()
	environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	for range 2 { // each is a start of the worker
		value, err := environment.ExecuteActivity("getTaskResult", activities.GetTaskResultInput{TaskID: taskID})
		require.NoError(t, err)
		var out activities.GetTaskResultOutput
		require.NoError(t, value.Get(&out))
		require.Equal(t, "processing", out.Status)
	}
}

func TestRegisterWithoutAPlugin(t *testing.T) {
	t.Parallel()
	service := startService(t)
	environment := newEnvironment()
	require.NoError(t, provider.Register(environment, provider.Config{ClientKey: clientKey, APIURL: service.URL()}))
	requireServes(t, environment, service, taskID)
}

// A history of a wait with an input that was refused: the shortest there is.
const refusedHistory = `{"events":[
 {"eventId":"1","eventTime":"2026-01-02T03:04:05Z","eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
  "workflowExecutionStartedEventAttributes":{"workflowType":{"name":"AwaitTaskResult"},"taskQueue":{"name":"2captcha"},
   "input":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"e30="}]},"workflowTaskTimeout":"10s","attempt":1,
   "originalExecutionRunId":"0c5b4a1e-0000-4000-8000-000000000000","firstExecutionRunId":"0c5b4a1e-0000-4000-8000-000000000000"}},
 {"eventId":"2","eventTime":"2026-01-02T03:04:05Z","eventType":"EVENT_TYPE_WORKFLOW_TASK_SCHEDULED",
  "workflowTaskScheduledEventAttributes":{"taskQueue":{"name":"2captcha"},"startToCloseTimeout":"10s","attempt":1}},
 {"eventId":"3","eventTime":"2026-01-02T03:04:05Z","eventType":"EVENT_TYPE_WORKFLOW_TASK_STARTED",
  "workflowTaskStartedEventAttributes":{"scheduledEventId":"2"}},
 {"eventId":"4","eventTime":"2026-01-02T03:04:05Z","eventType":"EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
  "workflowTaskCompletedEventAttributes":{"scheduledEventId":"2","startedEventId":"3"}},
 {"eventId":"5","eventTime":"2026-01-02T03:04:05Z","eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_FAILED",
  "workflowExecutionFailedEventAttributes":{"failure":{"message":"taskId is missing","applicationFailureInfo":{
   "type":"InvalidInput","nonRetryable":true}},"retryState":"RETRY_STATE_NON_RETRYABLE_FAILURE","workflowTaskCompletedEventId":"4"}}
]}`

func TestPluginServesAReplayer(t *testing.T) {
	t.Parallel()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey})
	require.NoError(t, err)
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Plugins: []worker.Plugin{plugin}})
	require.NoError(t, err)
	replay := func(text string) error {
		history, err := client.HistoryFromJSON(strings.NewReader(text), client.HistoryJSONOptions{})
		require.NoError(t, err)
		return replayer.ReplayWorkflowHistory(quiet(), history)
	}

	require.NoError(t, replay(refusedHistory))
	require.NoError(t, replay(refusedHistory), "one replayer takes several histories")
	waiting := strings.Replace(refusedHistory, `"data":"e30="`, `"data":"eyJ0YXNrSWQiOjV9"`, 1) // {"taskId":5}
	require.ErrorContains(t, replay(waiting), "nondeterministic", "a wait with a right input begins with a timer")
}

func TestAPIURLWithAPath(t *testing.T) {
	t.Parallel()
	service := startService(t)
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey, APIURL: service.URL() + "/a/prefix/"})
	require.NoError(t, err)
	environment := newEnvironment()
	environment.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	service.Script(taskID)
	environment.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow,
		workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Millisecond})
	require.Error(t, environment.GetWorkflowError())
	requests := service.Requests()
	require.Len(t, requests, 1)
	require.Equal(t, "/a/prefix/getTaskResult", requests[0].Path)
	require.True(t, strings.HasPrefix(requests[0].UserAgent, "temporal-2captcha/"))
}
