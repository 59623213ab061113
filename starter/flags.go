package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// flags are what the command line takes. One with an environment tag takes its value from that variable where the
// command line does not give it.
type flags struct {
	TaskIDs []string `arg:"" optional:"" name:"task-id" help:"The tasks' ids, as createTask returned them. \"-\": the ids of standard input, one a line."`

	InitialDelay    time.Duration `placeholder:"DURATION" help:"How long after the workflow's start the service is first asked (default 5s, with --callback 20s)."`
	PollInterval    time.Duration `placeholder:"DURATION" help:"The shortest time between two polls, at least 5s (default 5s, with --callback 60s)."`
	MaxPollInterval time.Duration `placeholder:"DURATION" help:"The longest time between two polls (default: the larger of 10s and the poll interval)."`
	Timeout         time.Duration `placeholder:"DURATION" help:"How long after the workflow's start a task that isn't ready fails with TaskTimeout, at most 24h (default 15m)."`
	Callback        bool          `help:"A callback is expected: poll only to make up for one that is lost. See starter callback-url --help."`
	Polling         string        `placeholder:"MODE" help:"timer (default): the workflow's history shows every poll, and a callback counts at once; or activityRetry: a history of 16 events however many polls there are."`

	TaskQueue string `default:"${task_queue}" placeholder:"NAME" environment:"TEMPORAL_TASK_QUEUE" help:"The task queue that the worker polls (default ${task_queue})."`
	Detach    bool   `help:"Start the workflows and don't wait: prints what was started."`

	Dev      bool   `help:"Bring a Temporal dev server with Web UI and a worker along, in place of yours. Needs the account's key. The next --dev takes up what it leaves."`
	APIURL   string `name:"api-url" default:"${api_url}" placeholder:"URL" environment:"TWOCAPTCHA_API_URL" help:"With --dev: the service's address (default ${api_url})."`
	LogLevel string `default:"off" enum:"off,error,warn,info,debug" placeholder:"LEVEL" help:"With --dev: what its worker logs on standard error: off (default), error, warn, info or debug."`
	Demo     bool   `help:"Show it all with a simulated service and four tasks of its own: needs no account, no server and no other argument."`

	command.CommonFlags
}

// parseFlags reads the command line and the environment. Where these ask for help or for the version, it writes that
// to stdout and answers shown. An error says what is wrong with which flag.
func parseFlags(args []string, environ command.Environment, stdout io.Writer) (given flags, shown bool, err error) {
	parsed, shown, err := command.ParseFlags("starter", description, &given, args, environ, stdout)
	switch {
	case err != nil:
		return flags{}, false, negativeTaskID(args, err)
	case shown:
		return given, true, nil
	}
	return given, false, given.validate(parsed)
}

// validate refuses what does not go together.
func (f flags) validate(parsed *kong.Context) error {
	var onCommandLine []string
	for _, path := range parsed.Path {
		if path.Flag != nil && !path.Resolved {
			onCommandLine = append(onCommandLine, path.Flag.Name)
		}
	}
	switch {
	case f.Demo && len(f.TaskIDs) > 0:
		return errors.New("--demo has tasks of its own: leave the task ids out")
	case f.Demo && len(onCommandLine) > 1:
		return errors.New("--demo takes no other flag")
	case slices.Contains(f.TaskIDs, callbackURLCommand):
		return errors.New(callbackURLCommand + " goes first, and without task ids: starter " + callbackURLCommand + " [flags]")
	case f.Dev && f.Callback:
		return errors.New("--dev does not go with --callback: its worker takes no callbacks")
	case f.Dev && f.Detach:
		return errors.New("--dev does not go with --detach: its worker and its server end with the command")
	case !f.Dev && slices.Contains(onCommandLine, "api-url"):
		return errors.New("--api-url goes with --dev only: " +
			"without it the service is asked by the worker, which has a setting of its own")
	case !f.Dev && slices.Contains(onCommandLine, "log-level"):
		return errors.New("--log-level goes with --dev only")
	case f.TaskQueue == "":
		return errors.New("--task-queue is empty: it takes the task queue's name")
	}
	return nil
}

// negativeTaskID is the error of a command line that was refused with err, where that took a negative number for a flag.
func negativeTaskID(args []string, err error) error {
	if strings.HasPrefix(err.Error(), "unknown flag -") {
		for _, arg := range args {
			if len(arg) > 1 && arg[0] == '-' && arg[1] >= '0' && arg[1] <= '9' {
				_, err := parseTaskID(arg)
				return err
			}
		}
	}
	return err
}

const description = `Waits for the results of 2captcha tasks, durably: each task is waited for by a Temporal workflow of its own, which
goes on whatever happens to this command. Giving the same task again attaches to its workflow, or prints the result
that is known already.

Output: one JSON object a line for each task, in order of completion; progress on standard error. What failed has
"status": "failed" with errorId, errorCode and errorDescription.

Environment:
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE
                 The Temporal server, as for Temporal's own tools (default: localhost:7233, namespace "default", and
                 what the user's temporal.toml says). --dev and --demo bring their own.
  TEMPORAL_CLI   With --dev and --demo: the Temporal CLI that runs the server, a path or a name on the PATH.
  TWOCAPTCHA_API_KEY, TWOCAPTCHA_API_KEY_FILE
                 With --dev: the account's key, or a file that holds it. Otherwise only the worker needs it.

starter callback-url prints an address for createTask's callbackUrl: see starter callback-url --help.

Examples:
  starter 74372499131 74372499132
  starter --timeout 5m - < task-ids.txt > results.jsonl
  starter --demo

Exit status:
  0    every task is ready (--detach: started; --demo: every outcome is the scripted one)
  1    a task failed, or the Temporal server can't be reached or refuses
  2    bad usage or configuration: nothing was started
  130  interrupted: the workflows go on`
