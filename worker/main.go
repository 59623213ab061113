// Command worker is the ready-made worker process: it runs the workflows that submit 2captcha
// tasks and wait for their results, and the activities that ask the service. So it is the one
// process that holds the account's key. Run it with --help for its flags, its environment and
// its exit statuses.
package main

import (
	"context"
	"errors"
	"net"
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
	defer s.traces.end()
	if err := serve(ctx, s); err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	return command.ExitDone
}

// serve runs the worker's services until ctx is done and what is under way then has finished. An
// error says that an address can't be listened on, or that the Temporal server can't be reached or
// refuses the worker.
func serve(ctx context.Context, s settings) error {
	callbacks, err := listenForCallbacks(s.flags.CallbackAddress)
	if err != nil {
		return err
	}
	if callbacks != nil {
		defer callbacks.Close()
	}
	admin, err := listen(s.flags.MetricsAddress, "metrics and health can't be served", "TWOCAPTCHA_METRICS_ADDRESS")
	if err != nil {
		return err
	}
	if admin == nil {
		return serveTemporal(ctx, s, callbacks, nil)
	}
	defer admin.Close()
	ready := newReadiness(s)
	s.client.ConnectionOptions.DialOptions = append(slices.Clip(s.client.ConnectionOptions.DialOptions), ready.dialOption())
	return whileServing(
		adminServer{listener: admin, metrics: s.metrics, notReady: ready.problem, logger: s.logger},
		serviceFunc(func(ctx context.Context) error { return serveTemporal(ctx, s, callbacks, ready) }),
	).Run(ctx)
}

// serveTemporal runs the services that need the Temporal server. ready is nil if nobody asks
// whether the worker is ready.
func serveTemporal(ctx context.Context, s settings, callbacks net.Listener, ready *readiness) error {
	temporalClient, err := command.Dial(ctx, s.client)
	if ctx.Err() != nil {
		return nil // stopped before it began
	}
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	list := s.services(temporalClient, callbacks)
	if ready != nil {
		list = append(list, healthWatch{ready, temporalClient.WorkflowService(), s.logger})
	}
	return list.Run(ctx)
}
