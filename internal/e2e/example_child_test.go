package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestExampleChild runs the example on a Temporal server of its own, since the child is on the task
// queue that the worker serves by default. The same worker serves the Temporal CLI.
func TestExampleChild(t *testing.T) {
	t.Parallel()
	service, server := solvableThenNot(t), harness.StartServer(t, devserver.Options{})
	harness.StartWorkerOn(t, server.Address(), workflows.TaskQueue, service.URL())

	requireSolvedThenNot(t, "child", service, "TEMPORAL_ADDRESS="+server.Address())

	execute := func(id string) harness.Finished {
		return harness.StartProcess(t, harness.Command{Path: harness.CLI(), Arguments: []string{
			"workflow", "execute", "--address", server.Address(), "--type", "SolveTask", "--task-queue", "2captcha",
			"--workflow-id", "2captcha-solve-" + id, "--id-conflict-policy", "UseExisting",
			"--id-reuse-policy", "RejectDuplicate", "--output", "json",
			"--input", `{"task": {"type": "TextCaptchaTask", "comment": "2+2?"}, "initialDelay": "1ms"}`,
		}}).Wait(t)
	}
	solved := execute("order-19")
	require.Equal(t, 0, solved.Status, solved.Stderr)
	require.Contains(t, solved.Stdout, `"text": "Friday"`)
	unsolved := execute("order-20")
	require.Equal(t, 1, unsolved.Status, unsolved.Stdout)
	require.Contains(t, unsolved.Stdout, `"type": "ERROR_CAPTCHA_UNSOLVABLE"`)
	require.Len(t, service.Purchases(), 4)
}
