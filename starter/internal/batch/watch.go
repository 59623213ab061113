package batch

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

const (
	// firstWatch leaves a worker that is started together with the command time to begin.
	firstWatch = 3 * time.Second
	watchEvery = 15 * time.Second

	// patience is how long the server may be silent before the batch gives up: time to restart it.
	patience = 5 * time.Minute
)

// watch tells people, once, if no worker serves the task queue, or none that gets the waits, and
// gives up on a server that is silent for too long. It returns when ctx is done.
func (r *run) watch(ctx context.Context, giveUp func(error)) {
	answered := time.Now()
	recovering, told := false, false
	for pause(ctx, firstWatch); ctx.Err() == nil; pause(ctx, watchEvery) {
		taskQueue, err := r.Server.Client.DescribeTaskQueue(ctx, r.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && transient(err):
			r.tellOfSilence(err)
			if time.Since(answered) > patience {
				giveUp(fmt.Errorf("the Temporal server at %s has not answered for %s: %w", r.Server.Address, patience, err))
			}
			recovering = true
			continue
		case err != nil || told:
		case recovering: // workers, too, need a moment to be back
			recovering = false
		default:
			told = r.tellOfWorkers(taskQueue)
		}
		answered = time.Now()
	}
}

// tellOfWorkers says what keeps waits from beginning. It returns false if nothing does.
func (r *run) tellOfWorkers(taskQueue *workflowservice.DescribeTaskQueueResponse) bool {
	if len(taskQueue.GetPollers()) == 0 {
		r.Observer.Say("no worker serves the task queue %q in namespace %q: start one (go run ./worker); "+
			"the waits go on when it runs", r.TaskQueue, r.Server.Namespace)
		return true
	}
	version, allIdle := command.IdleVersion(taskQueue)
	if allIdle {
		r.Observer.Say("no worker of the task queue %q takes new waits: %s; the waits go on then",
			r.TaskQueue, command.WhyIdle(taskQueue, version, r.Server.Namespace))
	}
	return allIdle
}
