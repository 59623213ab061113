package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// startedLine is what the starter prints with --detach.
type startedLine struct {
	TaskID                    int64
	WorkflowID, RunID, Status string
}

func detach(t *testing.T, taskQueue string, taskID int64) startedLine {
	t.Helper()
	done := runStarter(t, taskQueue, "--detach", "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	require.Equal(t, 0, done.status, done.stderr)
	var started startedLine
	require.NoError(t, json.Unmarshal([]byte(done.stdout), &started), done.stdout)
	return started
}

func TestDetach(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := startSimulator(t), newTaskQueue(), newTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))

	// There is no worker yet: to start needs none.
	first := detach(t, taskQueue, taskID)
	require.Equal(t, startedLine{taskID, workflows.WorkflowID(taskID), first.RunID, "started"}, first)
	require.NotEmpty(t, first.RunID)
	second := detach(t, taskQueue, taskID)
	require.Equal(t, startedLine{taskID, workflows.WorkflowID(taskID), first.RunID, "attached"}, second)

	starter := startStarter(t, taskQueue, strconv.FormatInt(taskID, 10))
	starter.waitForOutput(t, fmt.Sprintf("no worker serves the task queue %q", taskQueue))
	startWorker(t, taskQueue, service.URL())
	done := starter.wait(t)
	require.Equal(t, 0, done.status, done.stderr)
	require.Contains(t, done.stdout, `"solution":{"text":"abc"}`)
	require.Len(t, service.RequestsFor(taskID), 1)
}

func TestInterruptedStarterAttachesAgain(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			service, taskQueue, quick, slow := startSimulator(t), newTaskQueue(), newTaskID(), newTaskID()
			service.Script(quick, simulator.Ready(`{}`))
			service.Script(slow, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
			startWorker(t, taskQueue, service.URL())

			starter := startStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(slow, 10), strconv.FormatInt(quick, 10))
			starter.waitForOutput(t, workflows.WorkflowID(quick))
			require.NoError(t, service.WaitForAnswers(testContext(t), slow, 1))
			starter.signal(t, signal)
			done := starter.wait(t)

			require.Equal(t, 130, done.status, done.stderr)
			require.Equal(t, []int64{quick}, tasksInOrder(t, done.stdout), "what was there is printed")
			require.NoError(t, service.WaitForAnswers(testContext(t), slow, 2), "the workflow goes on without the command")

			// The command is taken from the message, as a person would.
			_, again, found := strings.Cut(done.stderr, "to resume, run: starter ")
			require.True(t, found, done.stderr)
			require.NotContains(t, again, strconv.FormatInt(quick, 10))
			attached := startProcess(t, command{
				path: fixture.starter, arguments: strings.Fields(again),
				environment: []string{"TEMPORAL_ADDRESS=" + fixture.temporal.Address()},
			}).wait(t)
			require.Equal(t, 0, attached.status, attached.stderr)
			require.Contains(t, attached.stdout, `"solution":{"text":"abc"}`)
			require.Len(t, service.RequestsFor(slow), 3, "to attach costs no request")
		})
	}
}

func TestTasksOfStandardInput(t *testing.T) {
	t.Parallel()
	service, taskQueue := startSimulator(t), newTaskQueue()
	startWorker(t, taskQueue, service.URL())
	var lines strings.Builder
	var taskIDs []int64
	for range 20 {
		taskID := newTaskID()
		service.Script(taskID, simulator.Ready(fmt.Sprintf(`{"text":"%d"}`, taskID)))
		taskIDs = append(taskIDs, taskID)
		fmt.Fprintf(&lines, "  %d \r\n\n", taskID)
	}
	argument := newTaskID()
	service.Script(argument, simulator.Ready(fmt.Sprintf(`{"text":"%d"}`, argument)))

	done := startProcess(t, command{
		path:        fixture.starter,
		arguments:   []string{"--task-queue", taskQueue, "--initial-delay", "1ms", strconv.FormatInt(argument, 10), "-"},
		environment: []string{"TEMPORAL_ADDRESS=" + fixture.temporal.Address()},
		input:       strings.NewReader(lines.String()),
	}).wait(t)

	require.Equal(t, 0, done.status, done.stderr)
	results := linesByTask(t, done.stdout)
	require.Len(t, results, len(taskIDs)+1)
	for _, taskID := range append(taskIDs, argument) {
		require.Contains(t, results[taskID], fmt.Sprintf(`"solution":{"text":"%d"}`, taskID))
	}
}

// TestCommandsThatCannotBegin end with one line on what to do.
func TestCommandsThatCannotBegin(t *testing.T) {
	t.Parallel()
	const nobody = "TEMPORAL_ADDRESS=127.0.0.1:1"
	for _, row := range []struct {
		name        string
		path        string
		environment []string
		arguments   []string
		status      int
		says        []string
	}{
		{
			name: "a starter without a server", path: fixture.starter, environment: []string{nobody}, arguments: []string{"74372499131"},
			status: 1, says: []string{"127.0.0.1:1", "can't be reached", "TEMPORAL_ADDRESS"},
		},
		{
			name: "a worker without a server", path: fixture.worker, environment: []string{nobody, "TWOCAPTCHA_API_KEY=" + clientKey},
			status: 1, says: []string{"127.0.0.1:1", "can't be reached", "TEMPORAL_ADDRESS"},
		},
		{
			name: "a worker without a key", path: fixture.worker,
			status: 2, says: []string{"TWOCAPTCHA_API_KEY", "TWOCAPTCHA_API_KEY_FILE"},
		},
		{
			name: "--dev without a key", path: fixture.starter, arguments: []string{"--dev", "74372499131"},
			status: 2, says: []string{"TWOCAPTCHA_API_KEY", "TWOCAPTCHA_API_KEY_FILE"},
		},
		{
			name: "a worker whose key would cross a network in the clear", path: fixture.worker,
			environment: []string{"TWOCAPTCHA_API_KEY=" + clientKey}, arguments: []string{"--api-url", "http://api.2captcha.com"},
			status: 2, says: []string{"http://", "https"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			done := startProcess(t, command{path: row.path, arguments: row.arguments, environment: row.environment}).wait(t)
			require.Equal(t, row.status, done.status, done.stderr)
			require.Empty(t, done.stdout)
			require.Equal(t, 1, strings.Count(done.stderr, "\n"), "one line: %s", done.stderr)
			for _, said := range row.says {
				require.Contains(t, done.stderr, said)
			}
		})
	}
}
