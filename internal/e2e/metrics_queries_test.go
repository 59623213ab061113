package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// The dashboard and the alerts ask for metrics and labels that a worker has. This worker has done
// all that they are about, except for what takes minutes: those values come from the code.
func TestQueriesFindWhatAWorkerExposes(t *testing.T) {
	t.Parallel()
	if os.Getenv("E2E_WORKFLOW_CACHE_SIZE") != "" {
		t.Skip("the metrics of the workflow cache are among those that the queries ask for")
	}
	service, taskQueue := harness.StartCallbackService(t, simulator.Options{}), harness.NewTaskQueue()
	temporalClient := harness.Dial(t)
	metrics := fmt.Sprintf("127.0.0.1:%d", harness.NewPort(t))
	_, base := harness.StartCallbackWorker(t, taskQueue, service.URL(), "--metrics-address", metrics, "--workflow-cache-size", "1")
	ctx := harness.Context(t)

	called := service.Reserve()
	waiting := harness.StartWait(t, temporalClient, taskQueue, harness.UntilCalledBack(called))
	require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, temporalClient, waiting).State)
	service.SubmitWithCallback(t, called, base, simulator.Submission{Answers: []simulator.Answer{simulator.Ready(`{}`)}})
	service.UntilTaken(t, called)
	require.NoError(t, waiting.Get(ctx, nil))

	// Calls that never come, and answers that fail the first poll. The cache holds one workflow.
	var missed []client.WorkflowRun
	for _, answer := range []simulator.Answer{simulator.HTMLPage(), simulator.Body(`{}`)} {
		taskID := harness.NewTaskID()
		service.Script(taskID, answer, simulator.Ready(`{}`))
		input := harness.Soon(taskID)
		input.Callback = true
		missed = append(missed, harness.StartWait(t, temporalClient, taskQueue, input))
	}
	for _, run := range missed {
		require.NoError(t, run.Get(ctx, nil))
	}

	// A call for nobody, which the Temporal server answers with NotFound.
	_, err := harness.PostUntilTaken(ctx, harness.NewCallbackClient(t), harness.NewCallbackURL(t, base), harness.NewTaskID())
	require.NoError(t, err)
	// A workflow that this worker does not have: each of its workflow tasks fails.
	unknown, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: taskQueue}, "NoSuchWorkflow")
	require.NoError(t, err)
	defer func() { _ = temporalClient.TerminateWorkflow(ctx, unknown.GetID(), "", "the test ends") }()

	scrape := filepath.Join(t.TempDir(), "scrape")
	require.Eventually(t, func() bool {
		answer, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		if err != nil || os.WriteFile(scrape, content, 0o600) != nil {
			return false
		}
		for _, last := range []string{
			"temporal_workflow_task_execution_failed_total{", "temporal_request_failure_total{", "temporal_sticky_cache_forced_eviction_total",
			"twocaptcha_missed_callbacks_total{", `outcome="not_waiting"`,
		} {
			if !strings.Contains(string(content), last) {
				return false
			}
		}
		return true
	}, time.Minute, 100*time.Millisecond)

	arguments := []string{"run", "-C", "../../tools/prometheus", "./queries", "-scrape", scrape}
	for label, values := range map[string][]string{
		"outcome": {
			"failed", "transport_error", workflows.Canceled, // failed: a call that Temporal does not take
			workflows.ErrorTypeNoAnswer, activities.ErrorTypeCreateTaskOutcomeUnknown,
			twocaptcha.ErrorKeyDoesNotExist, twocaptcha.ErrorZeroBalance, twocaptcha.ErrorIPNotAllowed,
			twocaptcha.ErrorIPBlocked, twocaptcha.ErrorAccountSuspended,
		},
		"workflow_type": {workflows.SolveTaskWorkflow, workflows.CheckAccountWorkflow, workflows.ReportTaskWorkflow},
	} {
		for _, value := range values {
			arguments = append(arguments, "-value", label+"="+value)
		}
	}
	arguments = append(arguments, "../../deploy/grafana/dashboard.json", "../../deploy/prometheus/alerts.yaml")
	output, err := exec.CommandContext(ctx, "go", arguments...).CombinedOutput()
	if saved := os.Getenv("E2E_SAVE_SCRAPE"); saved != "" {
		content, readErr := os.ReadFile(scrape)
		require.NoError(t, readErr)
		require.NoError(t, os.WriteFile(saved, content, 0o600))
	}
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "alerts.yaml: 13 queries")
}
