package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// startByCLI starts the wait as anyone would who knows its name and its JSON.
func startByCLI(t *testing.T, taskQueue string, taskID int64, input string) {
	t.Helper()
	done := harness.RunCLI(t, "workflow", "start", "--type", "AwaitTaskResult", "--task-queue", taskQueue,
		"--workflow-id", fmt.Sprintf("2captcha-task-%d", taskID), "--input", input)
	require.Equal(t, 0, done.Status, done.Stderr)
}

// askCLI returns what the CLI prints as JSON.
func askCLI(t *testing.T, arguments ...string) map[string]any {
	t.Helper()
	done := harness.RunCLI(t, append(arguments, "--output", "json")...)
	require.Equal(t, 0, done.Status, "%s%s", done.Stdout, done.Stderr)
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(done.Stdout), &object), done.Stdout)
	return object
}

func TestStartByTheTemporalCLI(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	harness.StartWorker(t, taskQueue, service.URL())

	startByCLI(t, taskQueue, taskID, fmt.Sprintf(
		`{"taskId": %d, "initialDelay": "1ms", "pollInterval": "5s", "maxPollInterval": "10s", "timeout": "1m"}`, taskID))
	printed := askCLI(t, "workflow", "result", "--workflow-id", workflows.WorkflowID(taskID))

	require.Equal(t, "COMPLETED", printed["status"])
	result, _ := printed["result"].(map[string]any)
	require.NotContains(t, result, "workflowId")
	delete(result, "createTime")
	delete(result, "endTime")
	require.Equal(t, map[string]any{
		"taskId": float64(taskID), "status": "ready", "solution": map[string]any{"text": "abc"},
		"cost": "0.00299", "ip": "1.2.3.4", "solveCount": 1.0, "polls": 2.0,
	}, result)
}

func TestFailureByTheTemporalCLI(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
	harness.StartWorker(t, taskQueue, service.URL())

	startByCLI(t, taskQueue, taskID, fmt.Sprintf(`{"taskId": %d, "initialDelay": "1ms"}`, taskID))
	done := harness.RunCLI(t, "workflow", "result", "--workflow-id", workflows.WorkflowID(taskID), "--output", "json")

	require.Equal(t, 1, done.Status)
	var printed struct {
		Status     string
		CloseEvent struct {
			WorkflowExecutionFailedEventAttributes struct {
				Failure struct {
					ApplicationFailureInfo struct {
						Type         string
						NonRetryable bool
						Details      []map[string]any
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(done.Stdout), &printed), done.Stdout)
	require.Equal(t, "FAILED", printed.Status)
	failure := printed.CloseEvent.WorkflowExecutionFailedEventAttributes.Failure.ApplicationFailureInfo
	require.Equal(t, "ERROR_CAPTCHA_UNSOLVABLE", failure.Type)
	require.True(t, failure.NonRetryable)
	require.Equal(t, []map[string]any{{
		"taskId": float64(taskID), "errorId": 12.0, "errorCode": "ERROR_CAPTCHA_UNSOLVABLE",
		"errorDescription": "Workers could not solve the Captcha", "polls": 1.0,
	}}, failure.Details)
}

// TestSignalAndQueryByTheTemporalCLI wakes a wait whose first poll is an hour away.
func TestSignalAndQueryByTheTemporalCLI(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	harness.StartWorker(t, taskQueue, service.URL())
	startByCLI(t, taskQueue, taskID, fmt.Sprintf(`{"taskId": %d, "initialDelay": "1h", "timeout": "2h"}`, taskID))
	status := func() map[string]any {
		answers := askCLI(t, "workflow", "query", "--workflow-id", workflows.WorkflowID(taskID), "--type",
			"status")["queryResult"]
		require.Len(t, answers, 1)
		return answers.([]any)[0].(map[string]any)
	}
	at := func(status map[string]any, name string) time.Time {
		parsed, err := time.Parse(time.RFC3339, fmt.Sprint(status[name]))
		require.NoError(t, err, "%s in RFC 3339", name)
		return parsed
	}

	waiting := status()
	require.Equal(t, "waiting", waiting["state"])
	started := at(waiting, "startedAt")
	require.Equal(t, time.Hour, at(waiting, "nextPollAt").Sub(started))
	require.Equal(t, 2*time.Hour, at(waiting, "deadline").Sub(started))
	for _, name := range []string{"startedAt", "nextPollAt", "deadline"} {
		delete(waiting, name)
	}
	require.Equal(t, map[string]any{"taskId": float64(taskID), "state": "waiting", "polls": 0.0}, waiting)

	signaled := harness.RunCLI(t, "workflow", "signal", "--workflow-id", workflows.WorkflowID(taskID), "--name", "taskCallback",
		"--input", fmt.Sprintf(`{"taskId": %d}`, taskID))
	require.Equal(t, 0, signaled.Status, signaled.Stderr)
	require.Equal(t, "COMPLETED",
		askCLI(t, "workflow", "result", "--workflow-id", workflows.WorkflowID(taskID))["status"])

	ready := status()
	require.Equal(t, started, at(ready, "startedAt"))
	require.False(t, at(ready, "lastPollAt").Before(started))
	require.NotContains(t, ready, "nextPollAt")
	for _, name := range []string{"startedAt", "lastPollAt", "deadline"} {
		delete(ready, name)
	}
	require.Equal(t, map[string]any{"taskId": float64(taskID), "state": "ready", "polls": 1.0,
		"lastStatus": "ready"}, ready)
	require.Len(t, service.RequestsFor(taskID), 1)
}
