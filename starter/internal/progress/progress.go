// Package progress shows people on standard error how the waits of a batch proceed.
package progress

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Progress is told of a batch's waits, and writes results to standard output so that results and
// progress don't mix on one terminal. Its methods may be called concurrently. None of them waits
// for the server, and errors of standard error are ignored: progress neither delays a wait nor
// fails it.
type Progress interface {
	batch.Observer // Say works also before Open and after Close

	// Open begins to show the tasks. status asks a running workflow for its status.
	Open(status StatusFunc)
	// Close shows the tasks' last state.
	Close()
}

type StatusFunc func(ctx context.Context, job batch.Job) (workflows.AwaitTaskResultStatus, error)

// New shows a live line for each task if standard error is a terminal that can move its cursor,
// else plain lines.
func New(jobs []batch.Job, invocation command.Invocation) Progress {
	lines := terminal(invocation.Errors)
	if lines == nil || invocation.Environment.Getenv("TERM") == "dumb" {
		return newPlain(len(jobs), invocation.Output, invocation.Errors)
	}
	oneTerminal := terminal(invocation.Output) != nil
	return newLive(jobs, invocation.Output, invocation.Errors, lines, lines.GetTermSize, oneTerminal)
}

// Writer lets a log, or another writer of whole lines, write through a progress.
func Writer(shown Progress) io.Writer { return writer{shown} }

type writer struct{ shown Progress }

func (w writer) Write(line []byte) (int, error) {
	w.shown.Say("%s", strings.TrimRight(string(line), "\n"))
	return len(line), nil
}

// counts is how far the tasks of a batch are.
type counts struct{ total, begun, ready, failed int }

func (c counts) String() string {
	return fmt.Sprintf("%d of %s begun, %d ready, %d failed", c.begun, Counted(c.total, "task"), c.ready, c.failed)
}

func (c *counts) add(outcome batch.Outcome) {
	if outcome.Ready {
		c.ready++
	} else {
		c.failed++
	}
}

// Counted is such as "1 task" or "2 tasks".
func Counted(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}

// seconds writes a duration as people read it, such as 1m5s.
func seconds(d time.Duration) string { return d.Round(time.Second).String() }
