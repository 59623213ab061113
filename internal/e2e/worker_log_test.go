package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	// loggedSolution and loggedTask are what no log may hold.
	loggedSolution = "e2e0so1ution0f0e2e0so1ution"
	loggedTask     = "e2e0tasktext0f0e2e0tasktext"
)

// TestLogsOfAWorker has a worker at its most talkative meet every kind of outcome. Without a
// workflow cache, each of its workflow tasks is a replay.
func TestLogsOfAWorker(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			service := harness.StartCallbackService(t, simulator.Options{})
			taskQueue, temporalClient := harness.NewTaskQueue(), harness.Dial(t)
			process := harness.StartProcess(t, harness.WorkerCommand([]string{
				"TEMPORAL_ADDRESS=" + harness.Address(), "TWOCAPTCHA_API_KEY=" + harness.ClientKey,
				"TWOCAPTCHA_CALLBACK_SECRET=" + harness.CallbackSecret, "TWOCAPTCHA_CALLBACK_ADDRESS=127.0.0.1:0",
				"TWOCAPTCHA_CALLBACK_URL=http://127.0.0.1:1/2captcha",
			}, taskQueue, service.URL(), "--log-level", "debug", "--log-format", format, "--workflow-cache-size", "0"))
			ready, failing, unsolvable := harness.NewTaskID(), harness.NewTaskID(), harness.NewTaskID()
			solution := `{"text":"` + loggedSolution + `"}`
			service.Script(ready, simulator.Processing(), simulator.Ready(solution))
			service.Script(failing, simulator.HTMLPage(), simulator.Ready(solution))
			service.Script(unsolvable, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
			want := map[int64]string{ready: "ready", failing: "ready", unsolvable: "ERROR_CAPTCHA_UNSOLVABLE"}
			var runs []client.WorkflowRun
			for taskID := range want {
				runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID)))
			}
			solve, err := temporalClient.ExecuteWorkflow(harness.Context(t), client.StartWorkflowOptions{TaskQueue: taskQueue},
				workflows.SolveTaskWorkflow, json.RawMessage(`{"task":{"type":"TextCaptchaTask","comment":"`+loggedTask+`"},"initialDelay":"1ms"}`))
			require.NoError(t, err)
			var solved workflows.SolveTaskOutput
			require.NoError(t, solve.Get(harness.Context(t), &solved))
			want[solved.TaskID] = "ready"
			for _, run := range runs {
				_ = run.Get(harness.Context(t), nil)
				_, err := temporalClient.QueryWorkflow(harness.Context(t), run.GetID(), run.GetRunID(), workflows.StatusQuery)
				require.NoError(t, err)
			}

			log := process.Stderr()
			for taskID, outcome := range want {
				fields := fmt.Sprintf(`TaskID=%d Outcome=%s `, taskID, outcome)
				if format == "json" {
					fields = fmt.Sprintf(`"TaskID":%d,"Outcome":"%s",`, taskID, outcome)
				}
				require.Equal(t, 1, strings.Count(log, fields), "of task %d", taskID)
			}
			require.Equal(t, len(want), strings.Count(log, "Task ended."))
			for line := range strings.Lines(log) {
				// Nobody calls the address that the tasks have.
				if !strings.Contains(line, "whose callback did not come") {
					require.NotRegexp(t, `level"?[=:]"?(ERROR|WARN)`, line, "a hiccup is nothing to act on")
				}
			}
			require.Contains(t, log, "Activity error.", "at debug")
			requireSecret(t, log)
			require.NotContains(t, log, "2captcha/", "the callback address")
		})
	}
}

func requireSecret(t *testing.T, log string) {
	t.Helper()
	for _, secret := range []string{loggedSolution, loggedTask} {
		require.NotContains(t, log, secret)
		for shift := range 3 { // in base64, by where it stands in the bytes
			encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", shift) + secret))
			require.NotContains(t, log, encoded[4:len(encoded)-4])
		}
	}
}

// recorder is a logger of somebody's own.
type recorder struct {
	mutex sync.Mutex
	lines bytes.Buffer
}

func (r *recorder) Write(line []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.lines.Write(line)
}

func (r *recorder) String() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.lines.String()
}

// startOthersWorker runs somebody else's worker with the plugin in this process.
func startOthersWorker(t *testing.T, logger *slog.Logger, config provider.Config) (temporalClient client.Client, taskQueue string) {
	t.Helper()
	temporalClient, err := client.Dial(client.Options{HostPort: harness.Address(), Logger: log.NewStructuredLogger(logger)})
	require.NoError(t, err)
	t.Cleanup(temporalClient.Close)
	plugin, err := provider.NewPlugin(config)
	require.NoError(t, err)
	taskQueue = harness.NewTaskQueue()
	running := worker.New(temporalClient, taskQueue, worker.Options{Plugins: []worker.Plugin{plugin}})
	require.NoError(t, running.Start())
	t.Cleanup(running.Stop)
	return temporalClient, taskQueue
}

func TestOthersWorkersLogHiccupsAtDebugAndAWrongKeyAtError(t *testing.T) {
	t.Parallel()
	service := harness.StartSimulator(t)
	var lines recorder
	logger := slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	temporalClient, taskQueue := startOthersWorker(t, logger, provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()})
	hiccup, denied := harness.NewTaskID(), harness.NewTaskID()
	service.Script(hiccup, simulator.Status(http.StatusBadGateway, ""), simulator.Ready(`{}`))
	service.Script(denied, simulator.Error("ERROR_KEY_DOES_NOT_EXIST"))
	for _, taskID := range []int64{hiccup, denied} {
		_ = harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID)).Get(harness.Context(t), nil)
	}
	require.Regexp(t, fmt.Sprintf(`level=DEBUG msg="Activity error." .*task %d: getTaskResult: `, hiccup), lines.String())
	require.Regexp(t, fmt.Sprintf(`level=ERROR msg="Activity error." .*task %d: getTaskResult: ERROR_KEY_DOES_NOT_EXIST`, denied), lines.String())
	require.Equal(t, 1, strings.Count(lines.String(), "level=ERROR"))
	require.NotContains(t, lines.String(), "level=WARN")
}
