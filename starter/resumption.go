package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/progress"
)

// maxSpelledOut is how many task ids a message names.
const maxSpelledOut = 20

var errInterruptedBefore = errors.New("interrupted before anything was started")

// resumption is how jobs that are left without an outcome go on.
type resumption struct {
	noun   string // what the jobs are called
	flags  string // what a command needs to find the same workflows
	goesOn string // what happens to the jobs' workflows
	// howTo tells how to attach to jobs again.
	howTo func(flags string, jobs []batch.Job) string
	// buys tells that the jobs buy: how to attach is said even if none is known to have been started.
	buys bool
}

// finish says what the user of a batch needs to know at its end, and returns the exit status.
func finish(ctx context.Context, invocation command.Invocation, summary batch.Summary, err error, again resumption) int {
	if len(summary.Bought) > 0 {
		invocation.Say("bought, and without a result: to wait again, which costs nothing, run: starter%s %s",
			again.flags, list(summary.Bought, maxSpelledOut))
	}
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
	if status == command.ExitFailed && left == summary.NotStarted && !again.buys {
		return status
	}
	if waited := left - summary.NotStarted; waited > 0 {
		invocation.Say("%s without an outcome: %s", progress.Counted(waited, again.noun), again.goesOn)
	}
	switch {
	case summary.NotStarted == 0:
	case again.buys: // the server may have taken a start whose answer did not come
		invocation.Say("%s not known to be started", progress.Counted(summary.NotStarted, again.noun))
	default:
		invocation.Say("%s not started", progress.Counted(summary.NotStarted, again.noun))
	}
	invocation.Say("%s", again.howTo(again.flags, summary.Unfinished))
	return status
}

// howToWait is the command that waits for tasks again.
func howToWait(flags string, jobs []batch.Job) string {
	if len(jobs) > maxSpelledOut {
		return "to resume, run the same command again: results that are already known are printed at once"
	}
	return fmt.Sprintf("to resume, run: starter%s %s", flags, labels(jobs))
}

// labels writes the jobs' labels as one would type them.
func labels(jobs []batch.Job) string {
	var texts []string
	for _, job := range jobs {
		texts = append(texts, job.Label())
	}
	return strings.Join(texts, " ")
}
