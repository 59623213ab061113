package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// awaitCommand waits for tasks that were submitted elsewhere, or shows the demo.
type awaitCommand struct {
	TaskIDs []string `arg:"" optional:"" name:"task-id" help:"The tasks' ids, as createTask returned them. \"-\": the ids on standard input, one a line."`

	waitFlags `kong:"embed,set='waits_from=the start of the workflow',set='with_callback=with --callback',set='callback_delay=20s'"`
	Callback  bool `help:"The service will call back: poll only in case the callback is lost. See starter callback-url --help."`

	Detach      bool `help:"Start the workflows and don't wait for them: print what was started."`
	serverFlags `embed:""`
	Demo        bool `help:"Show a simulated service and five tasks at work: needs no account, no server and no other argument."`
}

func (a *awaitCommand) run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int {
	if err := a.validate(parsed); err != nil {
		return invocation.FailUsage(parsed, err)
	}
	if a.Demo {
		return runDemo(ctx, invocation)
	}
	tasks, err := unlessDone(ctx, func() (taskIDs, error) { return readTaskIDs(a.TaskIDs, invocation.Input) })
	if ctx.Err() != nil {
		return invocation.Fail(command.ExitInterrupted, errInterruptedBefore)
	}
	if errors.Is(err, errNoTaskID) {
		err = fmt.Errorf("%w; or try --demo", err)
	}
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	input := workflows.AwaitTaskResultInput{
		TaskID:          tasks.ids[0],
		InitialDelay:    a.InitialDelay,
		PollInterval:    a.PollInterval,
		MaxPollInterval: a.MaxPollInterval,
		Timeout:         a.Timeout,
		Callback:        a.Callback,
		Polling:         workflows.Polling(a.Polling),
	}
	if err := input.Validate(); err != nil {
		return invocation.Fail(command.ExitUsage, messageOf(err))
	}
	if len(tasks.repeated) > 0 {
		invocation.Say("given more than once, waited for once: %s", list(tasks.repeated, maxSpelledOut))
	}
	r := request{detach: a.Detach, again: resumption{noun: "task", howTo: howToWait}}
	for _, id := range tasks.ids {
		input.TaskID = id
		r.jobs = append(r.jobs, batch.AwaitJob{Input: input})
	}
	return r.run(ctx, invocation, a.serverFlags)
}

// validate refuses what does not go together.
func (a *awaitCommand) validate(parsed *kong.Context) error {
	switch {
	case a.Demo && len(a.TaskIDs) > 0:
		return errors.New("--demo has tasks of its own: leave the task ids out")
	case a.Demo && len(flagsOnCommandLine(parsed)) > 1:
		return errors.New("--demo takes no other flag")
	case a.Dev && a.Callback:
		return errors.New("--dev does not go with --callback: its worker takes no callbacks")
	}
	if err := subcommandAmong(a.TaskIDs); err != nil {
		return err
	}
	return a.serverFlags.validate(parsed, a.Detach)
}

func (awaitCommand) Description() string {
	return `Waits durably for the results of 2captcha tasks. Each task is awaited by a Temporal workflow of its own, which goes on
whatever happens to this command. If you give a task again, the command attaches to its workflow, or prints the result
that is already known.

Output: one JSON object a line for each task, in order of completion; progress on standard error. A failed task has
"status": "failed" with errorId, errorCode and errorDescription, and expired, polls and lastError if the error has them.

Environment:
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE
                 The Temporal server, as for Temporal's own tools (default: localhost:7233, namespace "default", and
                 what your temporal.toml says). --dev and --demo start a server of their own.
  TEMPORAL_CODEC_ENDPOINT, TEMPORAL_CODEC_AUTH
                 Your codec server, the same as the worker's, and its Authorization header.
  TEMPORAL_CLI   With --dev and --demo: the Temporal CLI that runs the server, a path or a name on the PATH.
  TEMPORAL_CLI_DOWNLOAD
                 off: if no Temporal CLI is found, build it instead of downloading it (default: on).
  TWOCAPTCHA_API_KEY, TWOCAPTCHA_API_KEY_FILE
                 With --dev: the account's key, or a file that holds it. Without --dev only your worker needs it.

Other commands, each with its own --help:
  starter solve TASK                         Submits a task, and waits for its result.
  starter balance                            Prints the account's balance.
  starter report correct|incorrect TASK-ID   Tells the service whether an answer was right.
  starter callback-url                       Prints an address for createTask's callbackUrl.

Examples:
  starter 74372499131 74372499132
  starter --timeout 5m - < task-ids.txt > results.jsonl
  starter --demo

Exit status:
  0    every task is ready (--detach: started; --demo: every outcome is as scripted)
  1    a task failed, or the Temporal server can't be reached or refuses the request
  2    bad usage or configuration: nothing was started
  130  interrupted: the workflows go on`
}
