package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// TestVersionThatIsNotCurrent is a worker that would take nothing, and say nothing of it.
func TestVersionThatIsNotCurrent(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	worker := harness.StartWorkerWith(t, []string{
		"TWOCAPTCHA_API_KEY=" + harness.ClientKey,
		"TEMPORAL_DEPLOYMENT_NAME=" + taskQueue, "TEMPORAL_WORKER_BUILD_ID=7",
	}, taskQueue, service.URL())
	starter := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(taskID, 10))

	setCurrent := "temporal worker deployment set-current-version --deployment-name " + taskQueue + " --build-id 7"
	worker.WaitForOutput(t, `level=WARN msg="this worker takes no new waits: version 7 of deployment `+taskQueue+
		` is not the current one: run `+setCurrent+`"`)
	starter.WaitForOutput(t, "no worker of the task queue \""+taskQueue+"\" takes new waits: version 7 of deployment "+taskQueue+
		" is not the current one: run "+setCurrent+"; the waits go on then")

	current := harness.RunCLI(t, append(strings.Fields(setCurrent)[1:], "--yes")...)
	require.Equal(t, 0, current.Status, current.Stderr)
	done := starter.Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`)
	worker.WaitForOutput(t, `msg="this worker takes new waits now"`)
}
