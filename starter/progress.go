package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// progress shows people on standard error how the waits come along, and puts results on standard output so that the two
// don't mix on one terminal. Its methods may be called concurrently. None of them waits for the server, and what can't
// be shown isn't: progress neither slows a wait nor fails it.
type progress interface {
	// open begins to show the tasks. status asks a running workflow of its state.
	open(status statusFunc)
	// begun tells that the task's workflow was started, or attached to.
	begun(wait *wait)
	// ended tells what the task's wait ended with.
	ended(wait *wait, outcome outcome)
	// close shows what is left to show of the tasks.
	close()

	// result puts a line on standard output, line end included. Its error is standard output's.
	result(line []byte) error
	// say shows a line that is no task's, also before open and after close.
	say(format string, values ...any)
}

type statusFunc func(ctx context.Context, taskID int64) (workflows.AwaitTaskResultStatus, error)

// newProgress shows a live line for each task where standard error is a terminal that can do so, else plain lines.
func newProgress(taskIDs []int64, stdout, stderr io.Writer, environ command.Environment) progress {
	lines := terminal(stderr)
	if lines == nil || environ.Getenv("TERM") == "dumb" {
		return newPlainProgress(len(taskIDs), stdout, stderr)
	}
	return newLiveProgress(taskIDs, stdout, stderr, lines, lines.GetTermSize, terminal(stdout) != nil)
}

// sayer lets a log, or whoever else writes whole lines, speak through a progress.
type sayer struct{ progress progress }

func (s sayer) Write(line []byte) (int, error) {
	s.progress.say("%s", strings.TrimRight(string(line), "\n"))
	return len(line), nil
}

// counts is how far the tasks of a command are.
type counts struct{ total, begun, ready, failed int }

func (c counts) String() string {
	return fmt.Sprintf("%d of %s begun, %d ready, %d failed", c.begun, counted(c.total, "task"), c.ready, c.failed)
}

func (c *counts) add(outcome outcome) {
	if outcome.ready {
		c.ready++
	} else {
		c.failed++
	}
}

func counted(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}

// seconds writes a duration as people read it, such as 1m5s.
func seconds(d time.Duration) string { return d.Round(time.Second).String() }
