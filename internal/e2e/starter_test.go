package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestDetach(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))

	// There is no worker yet: a start does not need one.
	first := harness.Detach(t, taskQueue, taskID)
	require.Equal(t, harness.StartedLine{TaskID: taskID, WorkflowID: workflows.WorkflowID(taskID),
		RunID: first.RunID, Status: "started"}, first)
	require.NotEmpty(t, first.RunID)
	second := harness.Detach(t, taskQueue, taskID)
	require.Equal(t, harness.StartedLine{TaskID: taskID, WorkflowID: workflows.WorkflowID(taskID),
		RunID: first.RunID, Status: "attached"}, second)

	starter := harness.StartStarter(t, taskQueue, strconv.FormatInt(taskID, 10))
	starter.WaitForOutput(t, fmt.Sprintf("no worker serves the task queue %q", taskQueue))
	harness.StartWorker(t, taskQueue, service.URL())
	done := starter.Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`)
	require.Len(t, service.RequestsFor(taskID), 1)
}

func TestInterruptedStarterAttachesAgain(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
			quick, slow := harness.NewTaskID(), harness.NewTaskID()
			service.Script(quick, simulator.Ready(`{}`))
			service.Script(slow, simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
			harness.StartWorker(t, taskQueue, service.URL())

			starter := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(slow, 10),
				strconv.FormatInt(quick, 10))
			starter.WaitForOutput(t, workflows.WorkflowID(quick))
			require.NoError(t, service.WaitForAnswers(harness.Context(t), slow, 1))
			starter.Signal(t, signal)
			done := starter.Wait(t)

			require.Equal(t, 130, done.Status, done.Stderr)
			require.Equal(t, []int64{quick}, harness.TasksInOrder(t, done.Stdout), "what was there is printed")
			require.NoError(t, service.WaitForAnswers(harness.Context(t), slow, 2),
				"the workflow goes on without the command")

			// The command is taken from the message, as a person would.
			_, again, found := strings.Cut(done.Stderr, "to resume, run: starter ")
			require.True(t, found, done.Stderr)
			require.NotContains(t, again, strconv.FormatInt(quick, 10))
			attached := harness.StartProcess(t, harness.Command{
				Path: harness.StarterPath(), Arguments: strings.Fields(again),
				Environment: []string{"TEMPORAL_ADDRESS=" + harness.Address()},
			}).Wait(t)
			require.Equal(t, 0, attached.Status, attached.Stderr)
			require.Contains(t, attached.Stdout, `"solution":{"text":"abc"}`)
			require.Len(t, service.RequestsFor(slow), 3, "to attach costs no request")
		})
	}
}

func TestTasksOfStandardInput(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	var lines strings.Builder
	var taskIDs []int64
	for range 20 {
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Ready(fmt.Sprintf(`{"text":"%d"}`, taskID)))
		taskIDs = append(taskIDs, taskID)
		fmt.Fprintf(&lines, "  %d \r\n\n", taskID)
	}
	argument := harness.NewTaskID()
	service.Script(argument, simulator.Ready(fmt.Sprintf(`{"text":"%d"}`, argument)))

	done := harness.StartProcess(t, harness.Command{
		Path: harness.StarterPath(),
		Arguments: []string{"--task-queue", taskQueue, "--initial-delay", "1ms",
			strconv.FormatInt(argument, 10), "-"},
		Environment: []string{"TEMPORAL_ADDRESS=" + harness.Address()},
		Input:       strings.NewReader(lines.String()),
	}).Wait(t)

	require.Equal(t, 0, done.Status, done.Stderr)
	results := harness.LinesByTask(t, done.Stdout)
	require.Len(t, results, len(taskIDs)+1)
	for _, taskID := range append(taskIDs, argument) {
		require.Contains(t, results[taskID], fmt.Sprintf(`"solution":{"text":"%d"}`, taskID))
	}
}

// TestCommandsThatCannotBegin end with one line that says what to do.
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
			name: "a starter without a server", path: harness.StarterPath(), environment: []string{nobody}, arguments: []string{"74372499131"},
			status: 1, says: []string{"127.0.0.1:1", "can't be reached", "TEMPORAL_ADDRESS"},
		},
		{
			name: "a worker without a server", path: harness.WorkerPath(), environment: []string{nobody,
				"TWOCAPTCHA_API_KEY=" + harness.ClientKey},
			status: 1, says: []string{"127.0.0.1:1", "can't be reached", "TEMPORAL_ADDRESS"},
		},
		{
			name: "a worker without a key", path: harness.WorkerPath(),
			status: 2, says: []string{"TWOCAPTCHA_API_KEY", "TWOCAPTCHA_API_KEY_FILE"},
		},
		{
			name: "--dev without a key", path: harness.StarterPath(), arguments: []string{"--dev", "74372499131"},
			status: 2, says: []string{"TWOCAPTCHA_API_KEY", "TWOCAPTCHA_API_KEY_FILE"},
		},
		{
			name: "a worker whose key would cross a network in the clear", path: harness.WorkerPath(),
			environment: []string{"TWOCAPTCHA_API_KEY=" + harness.ClientKey}, arguments: []string{"--api-url",
				"http://api.2captcha.com"},
			status: 2, says: []string{"http://", "https"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			done := harness.StartProcess(t,
				harness.Command{Path: row.path, Arguments: row.arguments, Environment: row.environment}).Wait(t)
			require.Equal(t, row.status, done.Status, done.Stderr)
			require.Empty(t, done.Stdout)
			require.Equal(t, 1, strings.Count(done.Stderr, "\n"), "one line: %s", done.Stderr)
			for _, said := range row.says {
				require.Contains(t, done.Stderr, said)
			}
		})
	}
}
