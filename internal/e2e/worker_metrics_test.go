package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/metricstest"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// ownMetrics are this project's metrics as Prometheus shows them, each with its own labels and the
// values that these may have. Dashboards and alerts depend on them.
var ownMetrics = map[string]map[string][]string{
	"twocaptcha_requests_total": {
		"method": requestMethods,
		"outcome": append([]string{"ok", "other_code", "unexpected_response", "http_error", "transport_error"},
			tableCodes...),
	},
	"twocaptcha_request_latency_seconds": {"method": requestMethods},
	"twocaptcha_tasks_total":             {"outcome": taskOutcomes},
	"twocaptcha_polls_total":             {},
	"twocaptcha_task_latency_seconds":    {"outcome": taskOutcomes},
	"twocaptcha_result_age_seconds":      {},
	"twocaptcha_cost_millionths_total":   {},
	"twocaptcha_callbacks_total":         {"outcome": {"woken", "not_waiting", "rejected", "failed"}},
	"twocaptcha_missed_callbacks_total":  {},
}

// tableCodes are the codes of the service's table, and of its relatives.
var tableCodes = []string{
	"ERROR_KEY_DOES_NOT_EXIST", "ERROR_NO_SLOT_AVAILABLE", "ERROR_ZERO_CAPTCHA_FILESIZE",
	"ERROR_TOO_BIG_CAPTCHA_FILESIZE", "ERROR_PAGEURL", "ERROR_ZERO_BALANCE",
	"ERROR_IP_NOT_ALLOWED", "ERROR_CAPTCHA_UNSOLVABLE", "ERROR_BAD_DUPLICATES",
	"ERROR_NO_SUCH_METHOD", "ERROR_IMAGE_TYPE_NOT_SUPPORTED", "ERROR_NO_SUCH_CAPCHA_ID",
	"ERROR_IP_BLOCKED", "ERROR_TASK_ABSENT", "ERROR_TASK_NOT_SUPPORTED",
	"ERROR_RECAPTCHA_INVALID_SITEKEY", "ERROR_ACCOUNT_SUSPENDED", "ERROR_BAD_PARAMETERS",
	"ERROR_BAD_IMGINSTRUCTIONS", "ERROR_BAD_PROXY", "ERROR_TOO_MUCH_REQUESTS",
	"ERROR_RATE_LIMIT", "ERROR_SERVICE_UNAVALIABLE",
}

var (
	requestMethods = []string{"getTaskResult", "createTask", "getBalance", "reportCorrect", "reportIncorrect"}
	taskOutcomes   = append([]string{"ready", "other_code", "TaskTimeout", "NoAnswer", "InvalidInput", "NotSubmitted",
		"CreateTaskOutcomeUnknown", "UnexpectedResponse", "Canceled"}, tableCodes...)
)

// TestMetrics has a worker serve waits that end in many ways, and compares what it exposes with the
// table.
func TestMetrics(t *testing.T) {
	t.Parallel()
	unsolvable, foreign := simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), simulator.Error("ERROR_4711_OF_THE_SERVICE")
	service := startSubmittable(t, simulator.Ready(`{"text":"a"}`), unsolvable)
	taskQueue, temporalClient := harness.NewTaskQueue(), harness.Dial(t)
	process, base := harness.StartCallbackWorkerWith(t, []string{harness.ServeMetrics}, taskQueue, service.URL())
	address := harness.MetricsAddress(t, process)

	var runs []client.WorkflowRun
	start := func(change func(*workflows.AwaitTaskResultInput), answers ...simulator.Answer) client.WorkflowRun {
		in := harness.Soon(harness.NewTaskID())
		if change != nil {
			change(&in)
		}
		if len(answers) > 0 {
			service.Script(in.TaskID, answers...)
		}
		run := harness.StartWait(t, temporalClient, taskQueue, in)
		runs = append(runs, run)
		return run
	}
	start(nil, simulator.Ready(`{}`))
	start(nil, simulator.HTMLPage(), simulator.Ready(`{}`))
	start(nil, simulator.DroppedConnection(), simulator.Ready(`{}`))
	start(nil, unsolvable)
	start(nil, foreign)
	start(nil, simulator.Body(`{"errorId":1}`))
	start(func(in *workflows.AwaitTaskResultInput) { in.Timeout = time.Second }, simulator.Processing())
	start(func(in *workflows.AwaitTaskResultInput) { in.PollInterval = time.Second })
	missed := start(func(in *workflows.AwaitTaskResultInput) { in.Callback = true }, simulator.Ready(`{}`))
	canceled := harness.StartWait(t, temporalClient, taskQueue, harness.Asleep(harness.NewTaskID()))
	require.NoError(t, temporalClient.CancelWorkflow(harness.Context(t), canceled.GetID(), ""))
	runs = append(runs, canceled, startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{}),
		startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{}))
	account, err := temporalClient.ExecuteWorkflow(harness.Context(t), client.StartWorkflowOptions{TaskQueue: taskQueue},
		workflows.CheckAccountWorkflow)
	require.NoError(t, err)
	runs = append(runs, account)
	called := harness.UntilCalledBack(harness.NewTaskID())
	service.Script(called.TaskID, simulator.Ready(`{}`))
	runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, called))
	sender := harness.NewCallbackClient(t)
	_, err = harness.PostUntilTaken(harness.Context(t), sender, harness.NewCallbackURL(t, base), called.TaskID)
	require.NoError(t, err)
	_, err = harness.PostUntilTaken(harness.Context(t), sender, harness.NewCallbackURL(t, base), harness.NewTaskID())
	require.NoError(t, err)
	answer, err := http.Get(base + "/guessed")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	for _, run := range runs {
		_ = run.Get(harness.Context(t), nil)
	}

	exposed := harness.Scrape(t, address)
	for name, allowed := range ownMetrics {
		require.Contains(t, exposed, name)
		var labels []string // of the first series
		for _, series := range exposed[name].GetMetric() {
			var names []string
			for _, label := range series.GetLabel() {
				names = append(names, label.GetName())
				if values, found := allowed[label.GetName()]; found {
					require.Contains(t, values, label.GetValue(), "%s of %s", label.GetName(), name)
				}
				require.NotRegexp(t, `7437200\d|750\d{8}|4711`, label.GetValue(), "%s of %s has no bound", label.GetName(), name)
			}
			slices.Sort(names)
			if labels == nil {
				labels = names
			}
			require.Equal(t, labels, names, "the labels of %s", name)
		}
		for _, label := range slices.Sorted(maps.Keys(allowed)) {
			require.Contains(t, labels, label, "the labels of %s", name)
		}
		for _, label := range []string{"method", "outcome"} {
			require.Equal(t, allowed[label] != nil, slices.Contains(labels, label), "%s of %s", label, name)
		}
	}
	for name, family := range exposed {
		if strings.HasPrefix(name, "twocaptcha_") {
			require.Contains(t, ownMetrics, name, "it is not in the table")
		}
		require.NotContains(t, family.String(), "otel_scope", name)
	}
	for _, name := range []string{"temporal_request_total", "temporal_request_latency_seconds", "temporal_num_pollers",
		"temporal_worker_task_slots_available", "temporal_workflow_completed_total", "temporal_activity_execution_latency_seconds"} {
		require.Contains(t, exposed, name, "the SDK's own")
	}
	for _, name := range []string{"temporal_request_latency_seconds", "twocaptcha_request_latency_seconds"} {
		buckets := exposed[name].GetMetric()[0].GetHistogram().GetBucket()
		require.Equal(t, 0.005, buckets[0].GetUpperBound(), "%s has buckets in seconds", name)
		require.Equal(t, 900.0, buckets[len(buckets)-2].GetUpperBound(), "the last one is infinite")
	}

	for label, least := range map[string]float64{
		"outcome=ready": 5, "outcome=ERROR_CAPTCHA_UNSOLVABLE": 2, "outcome=other_code": 1, "outcome=UnexpectedResponse": 1,
		"outcome=TaskTimeout": 1, "outcome=InvalidInput": 1, "outcome=Canceled": 1,
	} {
		require.GreaterOrEqual(t, exposed.Sum("twocaptcha_tasks_total", label), least, label)
		require.Equal(t, exposed.Sum("twocaptcha_tasks_total", label), exposed.Sum("twocaptcha_task_latency_seconds", label), label)
	}
	for _, label := range []string{"outcome=http_error", "outcome=transport_error", "outcome=unexpected_response",
		"outcome=other_code", "method=createTask", "method=getBalance"} {
		require.Positive(t, exposed.Sum("twocaptcha_requests_total", label), label)
	}
	require.Equal(t, float64(len(service.Requests())), exposed.Sum("twocaptcha_requests_total", ""), "each request is counted once")
	for _, label := range []string{"outcome=woken", "outcome=not_waiting", "outcome=rejected"} {
		require.Equal(t, 1.0, exposed.Sum("twocaptcha_callbacks_total", label), label)
	}
	require.GreaterOrEqual(t, exposed.Sum("twocaptcha_missed_callbacks_total", ""), 1.0)
	require.Equal(t, 1, strings.Count(process.Stderr(), "whose callback did not come"))

	for range 3 {
		require.Equal(t, workflows.StateReady, harness.StatusOf(t, temporalClient, missed).State)
	}
	after := harness.Scrape(t, address)
	for name := range ownMetrics {
		require.Equal(t, exposed.Sum(name, ""), after.Sum(name, ""), "%s: a query counts nothing", name)
	}
}

// TestMetricsOfReplays has each workflow task be a replay of all before it.
func TestMetricsOfReplays(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	process := harness.StartWorkerWith(t, []string{"TWOCAPTCHA_API_KEY=" + harness.ClientKey, harness.ServeMetrics},
		taskQueue, service.URL(), "--workflow-cache-size", "0")
	in := harness.Soon(harness.NewTaskID())
	service.Script(in.TaskID, simulator.Processing(), simulator.Ready(`{}`))
	run := harness.StartWait(t, temporalClient, taskQueue, in)
	var out workflows.AwaitTaskResultOutput
	require.NoError(t, run.Get(harness.Context(t), &out))
	require.Equal(t, workflows.StateReady, harness.StatusOf(t, temporalClient, run).State)
	exposed := harness.Scrape(t, harness.MetricsAddress(t, process))
	require.Equal(t, 1.0, exposed.Sum("twocaptcha_tasks_total", ""))
	require.Equal(t, float64(out.Polls), exposed.Sum("twocaptcha_polls_total", ""))
	require.Equal(t, 1.0, exposed.Sum("twocaptcha_task_latency_seconds", ""))
	require.Equal(t, 2990.0, exposed.Sum("twocaptcha_cost_millionths_total", ""))
}

func TestMetricsAreOffByDefault(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	process := harness.StartWorker(t, taskQueue, service.URL())
	require.NotContains(t, process.Stderr(), "health is served")
}

// TestMetricsOfSomebodyElsesWorker has a worker with the plugin, and a metrics handler of its own.
func TestMetricsOfSomebodyElsesWorker(t *testing.T) {
	t.Parallel()
	service, taskQueue, metrics := harness.StartSimulator(t), harness.NewTaskQueue(), metricstest.New()
	temporalClient := harness.DialWith(t, client.Options{HostPort: harness.Address(), MetricsHandler: metrics})
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()})
	require.NoError(t, err)
	theirs := worker.New(temporalClient, taskQueue, worker.Options{Plugins: []worker.Plugin{plugin}})
	require.NoError(t, theirs.Start())
	t.Cleanup(theirs.Stop)
	in := harness.Soon(harness.NewTaskID())
	service.Script(in.TaskID, simulator.HTMLPage(), simulator.Ready(`{}`))
	run := harness.StartWait(t, temporalClient, taskQueue, in)
	require.NoError(t, run.Get(harness.Context(t), nil))
	for range 3 {
		require.Equal(t, workflows.StateReady, harness.StatusOf(t, temporalClient, run).State)
	}
	require.Equal(t, map[string]int64{
		`twocaptcha_requests{method="getTaskResult",outcome="http_error"}`: 1,
		`twocaptcha_requests{method="getTaskResult",outcome="ok"}`:         1,
		`twocaptcha_tasks{outcome="ready"}`:                                1,
		`twocaptcha_polls`:                                                 1,
		`twocaptcha_cost_millionths`:                                       2990,
	}, metrics.Counters())
	require.Empty(t, metrics.Problems())
}
