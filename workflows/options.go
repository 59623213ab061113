package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

// StartOptions are a client's options for starting [AwaitTaskResult]: a second start attaches to the wait that is running, is
// answered from the closed run of one that succeeded, as long as the namespace retains it, and starts over one that failed.
// A worker on another task queue than [TaskQueue] needs TaskQueue set.
func StartOptions(taskID int64) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       WorkflowID(taskID),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		StaticSummary:            staticSummary(taskID),
	}
}

// ChildOptions are a workflow's options for running [AwaitTaskResult] as a child: on [TaskQueue] rather than the parent's, and
// abandoned when the parent closes, so that the result is still fetched. Temporal gives a child no way to attach to a
// wait that is running: its start fails then, and [ErrorCode] says [AlreadyRunning]. A wait that has closed is run again. Where the
// provider's worker is on another task queue than [TaskQueue], set TaskQueue: the child would wait for a worker for ever.
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
