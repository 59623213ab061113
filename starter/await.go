package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/progress"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// awaitCommand waits for tasks that were submitted elsewhere, or shows the demo.
type awaitCommand struct {
	TaskIDs []string `arg:"" optional:"" name:"task-id" help:"The tasks' ids, as createTask returned them. \"-\": the ids on standard input, one a line."`

	InitialDelay    time.Duration `placeholder:"DURATION" help:"Time from the workflow's start to the first poll (default 5s, with --callback 20s)."`
	PollInterval    time.Duration `placeholder:"DURATION" help:"Shortest time between two polls, at least 5s (default 5s, with --callback 60s)."`
	MaxPollInterval time.Duration `placeholder:"DURATION" help:"Longest time between two polls (default: the larger of 10s and the poll interval)."`
	Timeout         time.Duration `placeholder:"DURATION" help:"Time from the workflow's start after which a task that isn't ready fails with TaskTimeout, at most 24h (default 15m)."`
	Callback        bool          `help:"The service will call back: poll only in case the callback is lost. See starter callback-url --help."`
	Polling         string        `placeholder:"MODE" help:"timer (default): the workflow's history shows every poll; or activityRetry: the history stays short however many polls there are. A callback takes effect immediately with both."`

	TaskQueue string `default:"${task_queue}" placeholder:"NAME" environment:"TEMPORAL_TASK_QUEUE" help:"The task queue that the worker serves (default ${task_queue})."`
	Detach    bool   `help:"Start the workflows and don't wait for them: print what was started."`

	Dev      bool   `help:"Start a Temporal dev server with Web UI and a worker, to use instead of your own. Needs the account's key. The next --dev continues the waits that this one leaves."`
	APIURL   string `name:"api-url" default:"${api_url}" placeholder:"URL" environment:"TWOCAPTCHA_API_URL" help:"With --dev: the service's address (default ${api_url})."`
	LogLevel string `default:"off" enum:"off,error,warn,info,debug" placeholder:"LEVEL" help:"With --dev: what its worker logs on standard error: off (default), error, warn, info or debug."`
	Demo     bool   `help:"Show a simulated service and four tasks at work: needs no account, no server and no other argument."`
}

func (a *awaitCommand) run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int {
	if err := a.validate(parsed); err != nil {
		return invocation.FailUsage(parsed, err)
	}
	if a.Demo {
		return runDemo(ctx, invocation)
	}
	tasks, err := readTaskIDsUnlessDone(ctx, a.TaskIDs, invocation.Input)
	if ctx.Err() != nil {
		return invocation.Fail(command.ExitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	request := request{
		taskIDs:   tasks.ids,
		taskQueue: a.TaskQueue,
		detach:    a.Detach,
		input: workflows.AwaitTaskResultInput{
			TaskID:          tasks.ids[0],
			InitialDelay:    a.InitialDelay,
			PollInterval:    a.PollInterval,
			MaxPollInterval: a.MaxPollInterval,
			Timeout:         a.Timeout,
			Callback:        a.Callback,
			Polling:         workflows.Polling(a.Polling),
		},
	}
	if err := request.input.Validate(); err != nil {
		return invocation.Fail(command.ExitUsage, messageOf(err))
	}
	if len(tasks.repeated) > 0 {
		invocation.Say("given more than once, waited for once: %s", list(tasks.repeated, maxSpelledOut))
	}
	if a.Dev {
		return awaitWithDevServer(ctx, invocation, request, a)
	}
	return awaitOnServer(ctx, invocation, request)
}

// validate refuses what does not go together.
func (a *awaitCommand) validate(parsed *kong.Context) error {
	var onCommandLine []string
	for _, path := range parsed.Path {
		if path.Flag != nil && !path.Resolved {
			onCommandLine = append(onCommandLine, path.Flag.Name)
		}
	}
	switch {
	case a.Demo && len(a.TaskIDs) > 0:
		return errors.New("--demo has tasks of its own: leave the task ids out")
	case a.Demo && len(onCommandLine) > 1:
		return errors.New("--demo takes no other flag")
	case slices.Contains(a.TaskIDs, "callback-url"):
		return errCallbackURLGoesFirst
	case a.Dev && a.Callback:
		return errors.New("--dev does not go with --callback: its worker takes no callbacks")
	case a.Dev && a.Detach:
		return errors.New("--dev does not go with --detach: its worker and its server end with the command")
	case !a.Dev && slices.Contains(onCommandLine, "api-url"):
		return errors.New("--api-url goes with --dev only: " +
			"without --dev your worker asks the service, and has a setting of its own")
	case !a.Dev && slices.Contains(onCommandLine, "log-level"):
		return errors.New("--log-level goes with --dev only")
	case a.TaskQueue == "":
		return errors.New("--task-queue is empty: it takes the task queue's name")
	}
	return nil
}

// messageOf returns the message of the error that the workflow would end with.
func messageOf(err error) error {
	var applicationError *temporal.ApplicationError
	if errors.As(err, &applicationError) {
		return errors.New(applicationError.Message())
	}
	return err
}

// request is what is to be awaited, on whatever Temporal server.
type request struct {
	taskIDs   []int64
	taskQueue string
	input     workflows.AwaitTaskResultInput // of every workflow, except for the task's id
	detach    bool
}

// await shows on shown how the tasks proceed. observer is told of the waits: it is shown, or passes
// what it is told on to it.
func (r request) await(ctx context.Context, server batch.Server, shown progress.Progress,
	observer batch.Observer) (batch.Summary, error) {
	shown.Open(server.Status)
	defer shown.Close()
	return batch.Batch{
		Server:    server,
		TaskQueue: r.taskQueue,
		Input:     r.input,
		Detach:    r.detach,
		Observer:  observer,
	}.Run(ctx, r.taskIDs)
}

// awaitOnServer waits on the user's Temporal server, whose workers run elsewhere.
func awaitOnServer(ctx context.Context, invocation command.Invocation, r request) int {
	options, err := command.ClientOptions(invocation.Environment)
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	options.Logger = quiet // what users need to know arrives as an error
	temporalClient, err := command.Dial(ctx, options, "--dev brings one along")
	if ctx.Err() != nil {
		return invocation.Fail(command.ExitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	defer temporalClient.Close()

	shown := progress.New(r.taskIDs, invocation)
	server := batch.Server{Client: temporalClient, Address: options.HostPort, Namespace: options.Namespace}
	summary, err := r.await(ctx, server, shown, shown)
	return finish(ctx, invocation, summary, err, resumption{
		command: "starter" + taskQueueFlag(r.taskQueue),
		goesOn:  "their workflows go on without this command",
	})
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

starter callback-url prints an address for createTask's callbackUrl: see starter callback-url --help.

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
