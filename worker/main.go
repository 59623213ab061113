// Command worker is the ready-made worker process: it runs the workflows that submit 2captcha
// tasks and wait for their results, and the activities that ask the service. So it is the one
// process that holds the account's key. Run it with --help for its flags, its environment and
// its exit statuses.
package main

import (
	"context"
	"net"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func main() { command.Main("worker", run) }

// run is the whole process except for signal handling: a signal cancels ctx. It serves until ctx is
// done, drains, and returns the exit status.
func run(ctx context.Context, invocation command.Invocation) int {
	f, parsed, shown, err := parseFlags(invocation)
	if err != nil {
		return invocation.FailUsage(parsed, err)
	}
	if shown {
		return command.ExitDone
	}
	s, err := newSettings(f, invocation.Environment, invocation.Errors)
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
	work := serviceFunc(func(ctx context.Context) error { return serveTemporal(ctx, s, callbacks) })
	if admin == nil {
		return work.Run(ctx)
	}
	defer admin.Close()
	server := adminServer{listener: admin, metrics: s.metrics, notReady: func() error { return nil }, logger: s.logger}
	return whileServing(server, work).Run(ctx)
}

// serveTemporal runs the services that need the Temporal server.
func serveTemporal(ctx context.Context, s settings, callbacks net.Listener) error {
	temporalClient, err := command.Dial(ctx, s.client)
	if ctx.Err() != nil {
		return nil // stopped before it began
	}
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	return s.services(temporalClient, callbacks).Run(ctx)
}
