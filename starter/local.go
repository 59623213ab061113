package main

import (
	"context"
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/progress"
)

// quiet is the logger of clients that log nothing.
var quiet = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// local is what --dev and --demo start: a Temporal dev server, and a worker in this process.
type local struct {
	devServer      *devserver.Server
	temporalClient client.Client
	worker         worker.Worker
}

// startLocal returns once the worker serves the task queue. If it fails, nothing is left running.
func startLocal(ctx context.Context, options devserver.Options, taskQueue string, plugin *temporal.SimplePlugin,
	logger log.Logger, shown progress.Progress) (*local, error) {
	options.SearchPath, options.Messages = true, progress.Writer(shown)
	devServer, err := devserver.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	l := &local{devServer: devServer}
	l.temporalClient, err = command.Dial(ctx, client.Options{
		HostPort:      devServer.Address(),
		Namespace:     client.DefaultNamespace,
		Logger:        logger,
		DataConverter: command.DataConverter(),
	})
	if err != nil {
		l.stop(shown)
		return nil, err
	}
	worker.SetStickyWorkflowCacheSize(command.WorkflowCacheSize)
	running := worker.New(l.temporalClient, taskQueue, command.WorkerOptions(plugin))
	if err := running.Start(); err != nil {
		l.stop(shown)
		return nil, fmt.Errorf("the worker did not start: %w", err)
	}
	l.worker = running
	shown.Say("Temporal Web UI: %s", devServer.WebURL())
	return l, nil
}

// await is the request's await on the dev server. It ends early if the dev server ends. Then it
// stops the worker, so that a poll under way can tell the server what it found, and after it the
// server.
func (l *local) await(ctx context.Context, r request, taskQueue string, shown progress.Progress,
	observer batch.Observer) (batch.Summary, error) {
	defer l.stop(shown)
	awaitCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-l.devServer.Done():
			cancel(l.devServer.Err())
		case <-awaitCtx.Done():
		}
	}()
	server := batch.Server{Client: l.temporalClient, Address: l.devServer.Address(), Namespace: client.DefaultNamespace}
	summary, err := r.await(awaitCtx, server, taskQueue, shown, observer)
	if ctx.Err() != nil {
		shown.Say("ending the worker and the dev server, after the polls under way")
	}
	return summary, err
}

func (l *local) stop(shown progress.Progress) {
	if l.worker != nil {
		l.worker.Stop()
	}
	if l.temporalClient != nil {
		l.temporalClient.Close()
	}
	if err := l.devServer.Stop(); err != nil {
		shown.Say("starter: %v", err)
	}
}
