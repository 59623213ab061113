package workflows

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/workflow"
)

// logEnd tells in one line at info that a task has ended. It shows neither the task's content nor
// its solution. taskID is 0 if the task has no id. The outcome is what [ErrorCode] says, or
// "ready".
func logEnd(ctx workflow.Context, taskID int64, err error, polls int, startedAt time.Time) {
	outcome := "ready"
	if err != nil {
		outcome = cmp.Or(ErrorCode(err), "failed")
	}
	workflow.GetLogger(ctx).Info("Task ended.", "TaskID", taskID, "Outcome", outcome, "Polls", polls,
		"Seconds", workflow.Now(ctx).Sub(startedAt).Round(100*time.Millisecond).Seconds())
}
