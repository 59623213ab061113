package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// taskQueue serves the task queue: it runs the waits and sends their polls.
type taskQueue struct {
	temporalClient client.Client
	settings
}

// Run serves until ctx is done and the polls under way have finished.
func (q taskQueue) Run(ctx context.Context) error {
	address, namespace := q.client.HostPort, q.client.Namespace
	worker.SetStickyWorkflowCacheSize(q.flags.WorkflowCacheSize) // the SDK has one cache for the whole process
	running := worker.New(q.temporalClient, q.flags.TaskQueue, q.worker)
	switch err := running.Start(); {
	case errors.As(err, new(*serviceerror.Unavailable)), errors.As(err, new(*serviceerror.DeadlineExceeded)):
		return command.Unreachable(address, err)
	case err != nil:
		return fmt.Errorf("the Temporal server at %s refuses a worker in namespace %q: "+
			"set TEMPORAL_NAMESPACE, and the credentials that go with it (%w)", address, namespace, err)
	}
	q.logger.Info("worker started", "taskQueue", q.flags.TaskQueue, "namespace", namespace,
		"address", address, "apiURL", q.flags.APIURL)

	watchCtx, endWatch := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { q.watchVersion(watchCtx) })
	defer watching.Wait()
	defer endWatch()

	interrupt := make(chan any)
	stopWaiting := context.AfterFunc(ctx, func() {
		q.logger.Info("worker stopping: polls under way finish", "atMost", command.WorkerStopTimeout.String())
		close(interrupt)
	})
	defer stopWaiting()
	if err := running.Run(interrupt); err != nil {
		return fmt.Errorf("the Temporal server at %s no longer serves the worker: %w", address, err)
	}
	q.logger.Info("worker stopped")
	return nil
}
