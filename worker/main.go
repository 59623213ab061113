// Command worker is the ready-made worker process: it runs the workflows that submit 2captcha
// tasks and wait for their results, and the activities that ask the service. So it is the one
// process that holds the account's key. Run it with --help for its flags, its environment and
// its exit statuses.
package main

import (
	"context"
	"errors"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func main() { command.Main("worker", run) }

// commandLine has the subcommands. Without the name of one, the task queue is served.
type commandLine struct {
	Serve  flags         `cmd:"" default:"withargs" hidden:""`
	Verify verifyCommand `cmd:""`
	command.CommonFlags
}

// subcommand is what a command line selects.
type subcommand interface {
	// run returns the exit status. parsed is the command line that filled in the subcommand.
	run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int
}

// run is the whole process except for signal handling: a signal cancels ctx. It returns the exit
// status.
func run(ctx context.Context, invocation command.Invocation) int {
	var line commandLine
	parsed, shown, err := invocation.ParseFlags("", &line)
	if err != nil {
		return invocation.FailUsage(parsed, misplacedSubcommand(invocation.Arguments, err))
	}
	if shown {
		return command.ExitDone
	}
	return parsed.Selected().Target.Addr().Interface().(subcommand).run(ctx, invocation, parsed)
}

// misplacedSubcommand returns a better error if flags stand before the name of a subcommand; else
// it returns err.
func misplacedSubcommand(arguments []string, err error) error {
	if len(arguments) > 0 && arguments[0] != verifyName && slices.Contains(arguments, verifyName) {
		return errors.New("verify goes first, and takes flags of its own: worker verify [flags]")
	}
	return err
}

// run serves until ctx is done, and drains.
func (f *flags) run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int {
	if err := f.validate(); err != nil {
		return invocation.FailUsage(parsed, err)
	}
	s, err := newSettings(*f, invocation.Environment, invocation.Errors)
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	if err := serve(ctx, s); err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	return command.ExitDone
}

// serve runs the worker's services until ctx is done and what is under way then has finished. An
// error says that an address can't be listened on, or that the Temporal server can't be reached or
// refuses the worker.
func serve(ctx context.Context, s settings) error {
	listener, err := listenForCallbacks(s.flags.CallbackAddress)
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close()
	}
	temporalClient, err := command.Dial(ctx, s.client)
	if ctx.Err() != nil {
		return nil // stopped before it began
	}
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	return s.services(temporalClient, listener).Run(ctx)
}
