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

// SolveOptions returns a client's options for starting [SolveTask] under an id of the caller's,
// which is the key of the purchase: within the namespace's retention an id is bought for once,
// whatever came of it. A second start attaches to the run that is running, and a closed run answers
// it, a failed one with its failure. An id stands for one task: a start with another task gets the
// first one's result. A new purchase takes a new id. If the provider's worker serves another task
// queue than [TaskQueue], set TaskQueue.
func SolveOptions(id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       SolveWorkflowID(id),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:            "2captcha: submit a task and wait for its result",
	}
}

// ReportOptions returns a client's options for starting [ReportTask]. A second start attaches to a
// report that is running, and reports again if that has closed. If the provider's worker serves
// another task queue than [TaskQueue], set TaskQueue.
func ReportOptions(taskID int64) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       ReportWorkflowID(taskID),
		TaskQueue:                TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("2captcha: report on task %d", taskID),
	}
}

func staticSummary(taskID int64) string {
	return fmt.Sprintf("2captcha task %d", taskID)
}
