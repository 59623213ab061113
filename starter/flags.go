package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// waitFlags say how a result is waited for. ${waits_from} and ${with_callback_*} are set by the
// commands that embed them.
type waitFlags struct {
	InitialDelay    time.Duration `placeholder:"DURATION" help:"Time from ${waits_from} to the first poll (default 5s, ${with_callback} ${callback_delay})."`
	PollInterval    time.Duration `placeholder:"DURATION" help:"Shortest time between two polls, at least 5s (default 5s, ${with_callback} 60s)."`
	MaxPollInterval time.Duration `placeholder:"DURATION" help:"Longest time between two polls (default: the larger of 10s and the poll interval)."`
	Timeout         time.Duration `placeholder:"DURATION" help:"Time from ${waits_from} after which a task that isn't ready fails with TaskTimeout, at most 24h (default 15m)."`
	Polling         string        `placeholder:"MODE" help:"timer (default): the workflow's history shows every poll; or activityRetry: the history stays short however many polls there are. A callback takes effect immediately with both."`
}

// maxFairnessKey is the length, in bytes, of the longest fairness key that a Temporal server takes
// (temporal.Priority).
const maxFairnessKey = 64

// serverFlags say on which Temporal server the workflows run.
type serverFlags struct {
	TaskQueue   string `default:"${task_queue}" placeholder:"NAME" environment:"TEMPORAL_TASK_QUEUE" help:"The task queue that the worker serves (default ${task_queue})."`
	FairnessKey string `placeholder:"KEY" help:"Whose work this is, such as a tenant's name: if requests are limited, the server lets keys take turns. It ignores the key unless fairness is switched on for it."`
	Dev         bool   `help:"Start a Temporal dev server with Web UI and a worker, to use instead of your own. Needs the account's key. The next --dev continues the waits that this one leaves."`
	APIURL      string `name:"api-url" default:"${api_url}" placeholder:"URL" environment:"TWOCAPTCHA_API_URL" help:"With --dev: the service's address (default ${api_url})."`
	LogLevel    string `default:"off" enum:"off,error,warn,info,debug" placeholder:"LEVEL" help:"With --dev: what its worker logs on standard error: off (default), error, warn, info or debug."`
}

// validate refuses what does not go together.
func (f serverFlags) validate(parsed *kong.Context, detach bool) error {
	given := flagsOnCommandLine(parsed)
	switch {
	case f.Dev && detach:
		return errors.New("--dev does not go with --detach: its worker and its server end with the command")
	case !f.Dev && slices.Contains(given, "api-url"):
		return errors.New("--api-url goes with --dev only: " +
			"without --dev your worker asks the service, and has a setting of its own")
	case !f.Dev && slices.Contains(given, "log-level"):
		return errors.New("--log-level goes with --dev only")
	case len(f.FairnessKey) > maxFairnessKey:
		return fmt.Errorf("--fairness-key has %d bytes: Temporal takes up to %d", len(f.FairnessKey), maxFairnessKey)
	case f.TaskQueue == "":
		return errors.New("--task-queue is empty: it takes the task queue's name")
	}
	return nil
}

// commandLine is what a later command needs to find the same workflows, such as " --dev".
func (f serverFlags) commandLine() string {
	var text string
	if f.Dev {
		text += " --dev"
	}
	if f.TaskQueue != workflows.TaskQueue {
		text += " --task-queue " + command.ShellWord(f.TaskQueue)
	}
	if f.FairnessKey != "" {
		text += " --fairness-key " + command.ShellWord(f.FairnessKey)
	}
	if f.Dev && f.APIURL != twocaptcha.DefaultURL {
		text += " --api-url " + command.ShellWord(f.APIURL)
	}
	return text
}

// flagsOnCommandLine are the names of the flags that the command line gives, not the environment.
func flagsOnCommandLine(parsed *kong.Context) []string {
	var names []string
	for _, path := range parsed.Path {
		if path.Flag != nil && !path.Resolved {
			names = append(names, path.Flag.Name)
		}
	}
	return names
}
