package harness

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// StartedLine is what the starter prints with --detach.
type StartedLine struct {
	TaskID                    int64
	WorkflowID, RunID, Status string
}

// Detach starts the wait for a task with --detach, and returns the line that the starter prints.
func Detach(t *testing.T, taskQueue string, taskID int64) StartedLine {
	t.Helper()
	done := RunStarter(t, taskQueue, "--detach", "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))
	require.Equal(t, 0, done.Status, done.Stderr)
	var started StartedLine
	require.NoError(t, json.Unmarshal([]byte(done.Stdout), &started), done.Stdout)
	return started
}

// LinesByTask are the lines of the starter's standard output, each of which must be one JSON object
// of one task.
func LinesByTask(t *testing.T, stdout string) map[int64]string {
	t.Helper()
	lines := map[int64]string{}
	for line := range strings.Lines(stdout) {
		taskID := taskOf(t, line)
		require.NotContains(t, lines, taskID, "a task's second line")
		lines[taskID] = line
	}
	return lines
}

// TasksInOrder are the tasks of the starter's lines, in the order of the lines.
func TasksInOrder(t *testing.T, stdout string) []int64 {
	t.Helper()
	var taskIDs []int64
	for line := range strings.Lines(stdout) {
		taskIDs = append(taskIDs, taskOf(t, line))
	}
	return taskIDs
}

func taskOf(t *testing.T, line string) int64 {
	t.Helper()
	var object struct{ TaskID int64 }
	require.NoError(t, json.Unmarshal([]byte(line), &object), "the line %q", line)
	require.True(t, strings.HasSuffix(line, "\n"), "the line %q has no end", line)
	return object.TaskID
}
