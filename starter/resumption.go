package main

import (
	"context"
	"errors"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/progress"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// maxSpelledOut is how many task ids a message names.
const maxSpelledOut = 20

var errInterruptedBefore = errors.New("interrupted before anything was started")

// resumption is how tasks that are left without an outcome go on.
type resumption struct {
	command string // the command that waits for them again, without their ids
	goesOn  string // what happens to their workflows
}

func taskQueueFlag(taskQueue string) string {
	if taskQueue == workflows.TaskQueue {
		return ""
	}
	return " --task-queue " + taskQueue
}

// finish says what the user of a batch needs to know at its end, and returns the exit status.
func finish(ctx context.Context, invocation command.Invocation, summary batch.Summary, err error, again resumption) int {
	left := len(summary.Unfinished)
	switch {
	case left == 0 && summary.Failed > 0:
		return command.ExitFailed
	case left == 0:
		return command.ExitDone
	}
	status := command.ExitFailed
	if ctx.Err() != nil {
		status, err = command.ExitInterrupted, errors.New("interrupted")
	}
	invocation.Fail(status, err)
	if status == command.ExitFailed && left == summary.NotStarted {
		return status
	}
	if waited := left - summary.NotStarted; waited > 0 {
		invocation.Say("%s without an outcome: %s", progress.Counted(waited, "task"), again.goesOn)
	}
	if summary.NotStarted > 0 {
		invocation.Say("%s not started", progress.Counted(summary.NotStarted, "task"))
	}
	if left <= maxSpelledOut {
		invocation.Say("to resume, run: %s %s", again.command, list(summary.Unfinished, maxSpelledOut))
	} else {
		invocation.Say("to resume, run the same command again: results that are already known are printed at once")
	}
	return status
}
