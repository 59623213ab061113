package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

// StartOptions returns a client's options for starting [AwaitTaskResult]. With them a second start
// attaches to a wait that is running. A wait that succeeded answers it from its closed run, as long
// as the namespace retains that run. A wait that failed is started over. If the provider's worker
// serves another task queue than [TaskQueue], set TaskQueue.
func StartOptions(taskID int64) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       WorkflowID(taskID),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		StaticSummary:            staticSummary(taskID),
	}
}

// ChildOptions returns a workflow's options for running [AwaitTaskResult] as a child: on
// [TaskQueue] rather than the parent's, and abandoned when the parent closes, so that the result is
// still fetched. A canceled parent cancels the child all the same, unless it was started by
// [AwaitAsChild], which uses these options. Temporal gives a child no way to attach to a wait that
// is running: its start fails then, and [ErrorCode] says [AlreadyRunning]. A wait that has closed
// is run again. If the provider's worker serves another task queue than [TaskQueue], set TaskQueue:
// else the child waits for a worker for ever.
func ChildOptions(taskID int64) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            WorkflowID(taskID),
		TaskQueue:             TaskQueue,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         staticSummary(taskID),
	}
}

func staticSummary(taskID int64) string {
	return fmt.Sprintf("2captcha task %d", taskID)
}
