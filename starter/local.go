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
)

// local is what --dev and --demo bring along: a Temporal dev server, and a worker in this process.
type local struct {
	server   *devserver.Server
	temporal client.Client
	worker   worker.Worker
	progress progress
}

// startLocal returns once the worker polls the waiter's task queue, and lets the waiter wait there. Where it fails,
// nothing is left running.
func startLocal(ctx context.Context, options devserver.Options, plugin *temporal.SimplePlugin, logger *slog.Logger,
	waiter *waiter) (*local, error) {
	server, err := devserver.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	l := &local{server: server, progress: waiter.progress}
	l.temporal, waiter.server, err = connect(ctx, client.Options{
		HostPort:      server.Address(),
		Namespace:     client.DefaultNamespace,
		Logger:        log.NewStructuredLogger(logger),
		DataConverter: command.DataConverter(),
	})
	if err != nil {
		l.stop()
		return nil, err
	}
	waiter.temporal = l.temporal
	worker.SetStickyWorkflowCacheSize(command.WorkflowCacheSize)
	running := worker.New(l.temporal, waiter.taskQueue, command.WorkerOptions(plugin))
	if err := running.Start(); err != nil {
		l.stop()
		return nil, fmt.Errorf("the worker did not start: %w", err)
	}
	l.worker = running
	l.progress.say("Temporal Web UI: %s", server.WebURL())
	return l, nil
}

// run lets the waiter wait for its tasks, and ends both with it: the worker first, so that a poll under way can tell
// the server what it found. Its results are the waiter's.
func (l *local) run(ctx context.Context, waiter *waiter, taskIDs []int64) (summary, error) {
	waitCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-l.server.Done():
			cancel(l.server.Err())
		case <-waitCtx.Done():
		}
	}()
	result, err := waiter.run(waitCtx, taskIDs)
	if ctx.Err() != nil {
		l.progress.say("ending the worker and the dev server, after the polls under way")
	}
	l.stop()
	return result, err
}

func (l *local) stop() {
	if l.worker != nil {
		l.worker.Stop()
	}
	if l.temporal != nil {
		l.temporal.Close()
	}
	if err := l.server.Stop(); err != nil {
		l.progress.say("starter: %v", err)
	}
}
