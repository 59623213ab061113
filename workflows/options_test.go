package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestStartOptions(t *testing.T) {
	t.Parallel()
	require.Equal(t, client.StartWorkflowOptions{
		ID:                       "2captcha-task-74372499131",
		TaskQueue:                "2captcha",
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		StaticSummary:            "2captcha task 74372499131",
	}, workflows.StartOptions(taskID))
}

func TestChildOptions(t *testing.T) {
	t.Parallel()
	require.Equal(t, workflow.ChildWorkflowOptions{
		WorkflowID:            "2captcha-task-74372499131",
		TaskQueue:             "2captcha",
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "2captcha task 74372499131",
	}, workflows.ChildOptions(taskID))
}

// These names are in users' code, histories and dashboards.
func TestNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2captcha", workflows.TaskQueue)
	require.Equal(t, "AwaitTaskResult", workflows.AwaitTaskResultWorkflow)
	require.Equal(t, "SolveTask", workflows.SolveTaskWorkflow)
	require.Equal(t, "CheckAccount", workflows.CheckAccountWorkflow)
	require.Equal(t, "ReportTask", workflows.ReportTaskWorkflow)
	require.Equal(t, "getTaskResult", activities.GetTaskResultActivity)
	require.Equal(t, "taskCallback", workflows.TaskCallbackSignal)
	require.Equal(t, "status", workflows.StatusQuery)
	require.Equal(t, "InvalidInput", activities.ErrorTypeInvalidInput)
	require.Equal(t, "TaskTimeout", workflows.ErrorTypeTaskTimeout)
	require.Equal(t, "UnexpectedResponse", activities.ErrorTypeUnexpectedResponse)
	require.Equal(t, "NotSubmitted", activities.ErrorTypeNotSubmitted)
	require.Equal(t, "CreateTaskOutcomeUnknown", activities.ErrorTypeCreateTaskOutcomeUnknown)
	require.Equal(t, workflows.StateSubmitting, workflows.State("submitting"))
	require.Equal(t, workflows.StateOutcomeUnknown, workflows.State("outcomeUnknown"))
	require.Equal(t, workflows.StateCanceled, workflows.State("canceled"))
	require.Equal(t, "2captcha-task-9223372036854775807", workflows.WorkflowID(1<<63-1))
	require.Equal(t, "2captcha-solve-mine", workflows.SolveWorkflowID("mine"))
	require.Equal(t, "2captcha-report-5", workflows.ReportWorkflowID(5))
}
