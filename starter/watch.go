package main

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

const (
	// A worker that was started together with the command polls by then.
	firstWatch = 3 * time.Second
	watchEvery = 15 * time.Second

	// patience is how long the server may be silent before the command gives up: time to restart it.
	patience = 5 * time.Minute
)

// watch tells people, once, where no worker polls the task queue, and gives up on a server that is silent for too long.
// It returns when ctx is done.
func (w *waiter) watch(ctx context.Context, giveUp func(error)) {
	answered := time.Now()
	recovering, told := false, false
	for pause(ctx, firstWatch); ctx.Err() == nil; pause(ctx, watchEvery) {
		queue, err := w.temporal.DescribeTaskQueue(ctx, w.taskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && passing(err):
			w.tellOfSilence(err)
			if time.Since(answered) > patience {
				giveUp(fmt.Errorf("the Temporal server at %s has not answered for %s: %w", w.server.address, patience, err))
			}
			recovering = true
			continue
		case err != nil || len(queue.GetPollers()) > 0 || told:
		case recovering: // workers need a moment, too, to be back
			recovering = false
		default:
			told = true
			w.progress.say("no worker polls the task queue %q in namespace %q: start one (go run ./worker); "+
				"the waits go on when it does", w.taskQueue, w.server.namespace)
		}
		answered = time.Now()
	}
}
