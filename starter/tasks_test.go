package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTasksAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	const task = `{"type" : "T", "n": 1.50, "b": 12345678901234567890, "a":"<&>"}`
	file := filepath.Join(t.TempDir(), "a task.json")
	require.NoError(t, os.WriteFile(file, []byte("\uFEFF\n"+task+"\r\n"), 0o600))
	for name, test := range map[string]struct {
		argument string
		stdin    string
		tasks    []string
		ids      []string
	}{
		"an argument": {task, "", []string{task}, []string{"x"}},
		"a file":      {"@" + file, "", []string{task}, []string{"x"}},
		"lines":       {"-", "\uFEFF" + task + "\r\n\n  {}  \n", []string{task, "{}"}, []string{"x-1", "x-3"}},
		"a long line": {"-", `{"a":"` + strings.Repeat("x", 1_899_992) + `"}`, []string{`{"a":"` + strings.Repeat("x", 1_899_992) + `"}`}, []string{"x-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tasks, err := readTasks(test.argument, strings.NewReader(test.stdin))
			require.NoError(t, err)
			require.Len(t, tasks, len(test.tasks))
			for i, task := range tasks {
				require.Equal(t, test.tasks[i], string(task.json))
				require.Equal(t, test.ids[i], task.id("x"))
			}
		})
	}
}
