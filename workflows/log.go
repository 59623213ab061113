package workflows

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/workflow"
)

// logEnd tells of a task that has ended, in one line: nothing else that an operator asks of it is at
// info, and neither what it was nor its solution is logged. taskID is 0 if the task has no id. The
// outcome is as [ErrorCode] says it, or "ready".
func logEnd(ctx workflow.Context, taskID int64, err error, polls int, startedAt time.Time) {
	outcome := "ready"
	if err != nil {
		outcome = cmp.Or(ErrorCode(err), "failed")
	}
	workflow.GetLogger(ctx).Info("Task ended.", "TaskID", taskID, "Outcome", outcome, "Polls", polls,
		"Seconds", workflow.Now(ctx).Sub(startedAt).Round(100*time.Millisecond).Seconds())
}
