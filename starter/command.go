package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	exitReady       = 0 // every task is; or the command only showed its help
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// maxSpelledOut is how many task ids are named in a message.
const maxSpelledOut = 20

var errInterruptedBefore = errors.New("interrupted before anything was started")

// run is the whole command but for its signals, of which ctx tells. It returns the exit status.
func run(ctx context.Context, args []string, environ command.Environment, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == callbackURLCommand {
		return runCallbackURL(args[1:], environ, stdout, stderr)
	}
	flags, shown, err := parseFlags(args, environ, stdout)
	if err != nil {
		return fail(stderr, exitUsage, fmt.Errorf("%w (see starter --help)", err))
	}
	switch {
	case shown:
		return exitReady
	case flags.Demo:
		return runDemo(ctx, environ, stdout, stderr)
	}

	tasks, err := readTaskIDsUnlessDone(ctx, flags.TaskIDs, stdin)
	if ctx.Err() != nil {
		return fail(stderr, exitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	input := workflows.AwaitTaskResultInput{
		TaskID:          tasks.ids[0],
		InitialDelay:    flags.InitialDelay,
		PollInterval:    flags.PollInterval,
		MaxPollInterval: flags.MaxPollInterval,
		Timeout:         flags.Timeout,
		Callback:        flags.Callback,
		Polling:         workflows.Polling(flags.Polling),
	}
	if err := input.Validate(); err != nil {
		return fail(stderr, exitUsage, refusedInput(err))
	}
	if len(tasks.repeated) > 0 {
		fmt.Fprintf(stderr, "starter: given more than once, waited for once: %s\n", list(tasks.repeated, maxSpelledOut))
	}
	waiter := &waiter{
		taskQueue: flags.TaskQueue,
		input:     input,
		detach:    flags.Detach,
		progress:  newProgress(tasks.ids, stdout, stderr, environ),
	}
	if flags.Dev {
		return runDev(ctx, flags, environ, waiter, tasks.ids, stderr)
	}
	return runOnServer(ctx, environ, waiter, tasks.ids, stderr)
}

// runOnServer waits for the tasks on the user's Temporal server, where workers are elsewhere.
func runOnServer(ctx context.Context, environ command.Environment, waiter *waiter, taskIDs []int64, stderr io.Writer) int {
	options, err := command.Server(environ)
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	temporal, server, err := connect(ctx, options)
	if ctx.Err() != nil {
		return fail(stderr, exitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	defer temporal.Close()
	waiter.temporal, waiter.server = temporal, server

	summary, err := waiter.run(ctx, taskIDs)
	return finish(ctx, summary, err, resumption{
		command: "starter" + taskQueueFlag(waiter.taskQueue),
		goesOn:  "their workflows go on without this command",
	}, stderr)
}

// resumption is how tasks that are left without an outcome go on.
type resumption struct {
	command string // that waits for them again, without their ids
	goesOn  string // what happens to their workflows
}

func taskQueueFlag(taskQueue string) string {
	if taskQueue == workflows.TaskQueue {
		return ""
	}
	return " --task-queue " + taskQueue
}

// finish says what is left to say of a command that started tasks, and returns its exit status.
func finish(ctx context.Context, summary summary, err error, again resumption, stderr io.Writer) int {
	left := len(summary.unfinished)
	switch {
	case left == 0 && summary.failed > 0:
		return exitFailed
	case left == 0:
		return exitReady
	}
	status := exitFailed
	if ctx.Err() != nil {
		status, err = exitInterrupted, errors.New("interrupted")
	}
	fail(stderr, status, err)
	if status == exitFailed && left == summary.notStarted {
		return status
	}
	if waited := left - summary.notStarted; waited > 0 {
		fmt.Fprintf(stderr, "starter: %s without an outcome: %s\n", counted(waited, "task"), again.goesOn)
	}
	if summary.notStarted > 0 {
		fmt.Fprintf(stderr, "starter: %s not started\n", counted(summary.notStarted, "task"))
	}
	if left <= maxSpelledOut {
		fmt.Fprintf(stderr, "starter: to wait for them again: %s %s\n", again.command, list(summary.unfinished, maxSpelledOut))
	} else {
		fmt.Fprintln(stderr, "starter: to wait for them again, give the same command: what is known by then comes at once")
	}
	return status
}

// fail writes one line on what happened, whatever the error's text is.
func fail(stderr io.Writer, status int, err error) int {
	fmt.Fprintln(stderr, "starter:", strings.Join(strings.Fields(err.Error()), " "))
	return status
}

// refusedInput is the message of the error that the workflow would end with.
func refusedInput(err error) error {
	var refused *temporal.ApplicationError
	if errors.As(err, &refused) {
		return errors.New(refused.Message())
	}
	return err
}
