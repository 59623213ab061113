// Command starter submits 2captcha tasks and waits for their results: it starts a workflow for each
// task, or attaches to the one that runs already, and prints one JSON object a task. Run it with
// --help for its flags, its output and its exit statuses, or with --demo to see it at work without
// an account.
package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func main() { command.Main("starter", run) }

// commandLine has the subcommands. Without the name of one, task ids are awaited.
type commandLine struct {
	Await       awaitCommand       `cmd:"" default:"withargs" hidden:""`
	Solve       solveCommand       `cmd:""`
	Balance     balanceCommand     `cmd:""`
	Report      reportCommand      `cmd:""`
	CallbackURL callbackURLCommand `cmd:"" name:"callback-url"`
	command.CommonFlags
}

// subcommand is what a command line selects.
type subcommand interface {
	// run returns the exit status. parsed is the command line that filled in the subcommand.
	run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int
}

// run is the whole command except for signal handling: a signal cancels ctx. It returns the exit
// status.
func run(ctx context.Context, invocation command.Invocation) int {
	var line commandLine
	parsed, shown, err := invocation.ParseFlags("", &line)
	if err != nil {
		return invocation.FailUsage(parsed, misreadArgument(parsed, invocation.Arguments, err))
	}
	if shown {
		return command.ExitDone
	}
	return parsed.Selected().Target.Addr().Interface().(subcommand).run(ctx, invocation, parsed)
}

// misreadArgument returns a better error if kong took a negative number for a flag, or if flags
// stand before the name of a subcommand; else it returns err.
func misreadArgument(parsed *kong.Context, arguments []string, err error) error {
	selected := parsed.Selected()
	switch {
	case strings.HasPrefix(err.Error(), "unknown flag -") && (selected == nil || selected.Hidden || selected.Name == "report"):
		for _, argument := range arguments {
			if len(argument) > 1 && argument[0] == '-' && argument[1] >= '0' && argument[1] <= '9' {
				_, err := parseTaskID(argument)
				return err
			}
		}
	case strings.Contains(err.Error(), "applies to the default command"):
		return cmp.Or(subcommandAmong(arguments), err)
	}
	return err
}

// subcommandAmong returns an error if one of the arguments is the name of a subcommand, which does
// not stand first.
func subcommandAmong(arguments []string) error {
	usages := map[string]string{
		"solve":        "solve goes first: starter solve [flags] TASK",
		"balance":      "balance goes first: starter balance [flags]",
		"report":       "report goes first: starter report correct|incorrect [flags] TASK-ID...",
		"callback-url": "callback-url goes first, and without task ids: starter callback-url [flags]",
	}
	for _, argument := range arguments {
		if usage := usages[argument]; usage != "" {
			return errors.New(usage)
		}
	}
	return nil
}
