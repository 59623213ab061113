package e2e

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestStarterFollowsAReset resets a wait after its first poll, which terminates its run and begins
// another one.
func TestStarterFollowsAReset(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	harness.StartWorker(t, taskQueue, service.URL())
	starter := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms", "--poll-interval", "10s", strconv.FormatInt(taskID, 10))
	starter.WaitForOutput(t, fmt.Sprintf("task %d: started", taskID))
	temporalClient := harness.Dial(t)
	harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)

	reset := harness.RunCLI(t, "workflow", "reset", "--workflow-id", workflows.WorkflowID(taskID),
		"--type", "LastWorkflowTask", "--reason", "a test")
	require.Equal(t, 0, reset.Status, reset.Stderr)
	done := starter.Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`)
}

func TestTerminatedWaitIsToldAsTerminated(t *testing.T) {
	t.Parallel()
	taskQueue, taskID := harness.NewTaskQueue(), harness.NewTaskID()
	starter := harness.StartStarter(t, taskQueue, strconv.FormatInt(taskID, 10))
	starter.WaitForOutput(t, fmt.Sprintf("task %d: started", taskID))
	terminated := harness.RunCLI(t, "workflow", "terminate", "--workflow-id", workflows.WorkflowID(taskID))
	require.Equal(t, 0, terminated.Status, terminated.Stderr)
	done := starter.Wait(t)
	require.Equal(t, 1, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"errorCode":"Terminated"`)
}
