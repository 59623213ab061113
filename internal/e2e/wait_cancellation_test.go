package e2e

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestCancellationByTheTemporalCLI(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		answer simulator.Answer
		// waitFor returns when the workflow is in the state in which it is canceled.
		waitFor       func(*testing.T, *simulator.Server, int64) error
		stillUnderWay bool
	}{
		{
			name: "while it waits", answer: simulator.Processing(),
			waitFor: func(t *testing.T, service *simulator.Server, taskID int64) error {
				return service.WaitForAnswers(harness.Context(t), taskID, 1)
			},
		},
		{
			name: "while a request is under way", answer: simulator.Processing().WithDelay(14 * time.Second), stillUnderWay: true,
			waitFor: func(t *testing.T, service *simulator.Server, taskID int64) error {
				return service.WaitForRequests(harness.Context(t), taskID, 1)
			},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
			service.Script(taskID, row.answer)
			harness.StartWorker(t, taskQueue, service.URL())
			starter := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms", "--poll-interval", "1h",
				"--timeout", "2h", strconv.FormatInt(taskID, 10))
			require.NoError(t, row.waitFor(t, service, taskID))

			canceled := harness.RunCLI(t, "workflow", "cancel", "--workflow-id", workflows.WorkflowID(taskID))
			require.Equal(t, 0, canceled.Status, canceled.Stderr)
			done := starter.Wait(t)

			require.Equal(t, 1, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"status":"failed"`)
			require.Contains(t, done.Stdout, `"errorCode":"Canceled"`)
			requests := service.RequestsFor(taskID)
			require.Len(t, requests, 1)
			require.Equal(t, row.stillUnderWay, requests[0].Finished.IsZero(),
				"it doesn't wait for a request under way")
			description, err := harness.Dial(t).DescribeWorkflow(harness.Context(t), workflows.WorkflowID(taskID), "")
			require.NoError(t, err)
			require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED,
				description.RawResponse.GetWorkflowExecutionInfo().GetStatus())
			require.Equal(t, row.stillUnderWay, len(description.RawResponse.GetPendingActivities()) > 0)
		})
	}
}
