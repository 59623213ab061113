package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	// maxStarts is how many workflows are started at once.
	maxStarts = 50

	// maxWaits is how many tasks are waited for at once, each by a long poll of the server. Where there are more tasks,
	// they take turns, so that one that has ended is seen however many slow ones there are.
	maxWaits = 500

	// turn is how long a wait lasts while there are more tasks than maxWaits.
	turn = 2 * time.Second

	// retryPause is the time between a call that failed for the server's sake and the next try.
	retryPause = time.Second
)

// waiter starts the workflows of a command's tasks and waits for what they end with.
type waiter struct {
	temporal  client.Client
	server    serverName
	taskQueue string
	input     workflows.AwaitTaskResultInput // of every workflow, but for the task's id
	detach    bool                           // start, and don't wait
	progress  progress
	observe   func(taskID int64, outcome outcome) // called for each outcome, concurrently; nil: nothing is

	toldOfSilence atomic.Int64 // when people last heard that the server doesn't answer, in Unix seconds
}

// wait is the wait for one task.
type wait struct {
	taskID   int64
	runID    string    // "" until its workflow is known to run
	attached bool      // its workflow was started before
	begun    time.Time // when it was started, or attached to
	ended    bool      // with an outcome; with detach: its workflow is known to run
}

// summary is what became of a command's tasks.
type summary struct {
	failed     int
	unfinished []int64 // without an outcome; with detach: not started
	notStarted int     // of the unfinished ones: those whose workflow isn't known to run
}

// run starts every task's workflow, or attaches to it, and returns when the last one has ended, or when ctx is done.
// An error is what ended it early: the server's, standard output's, or ctx's cause. The summary is right in any case.
func (w *waiter) run(ctx context.Context, taskIDs []int64) (summary, error) {
	w.progress.open(w.status)
	defer w.progress.close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watching sync.WaitGroup
	watching.Go(func() { w.watch(ctx, cancel) })

	queue := newQueue(taskIDs)
	var working sync.WaitGroup
	for range min(maxStarts, len(taskIDs)) {
		working.Go(func() {
			if err := w.startEach(ctx, queue); err != nil {
				cancel(err)
			}
		})
	}
	if !w.detach {
		for range min(maxWaits, len(taskIDs)) {
			working.Go(func() {
				if err := w.awaitEach(ctx, queue); err != nil {
					cancel(err)
				}
			})
		}
	}
	working.Wait()
	err := context.Cause(ctx)
	cancel(nil)
	watching.Wait()
	return queue.summary(), err
}

// queue hands each wait of a run to one who starts it, and then to those who wait for its end in turns.
type queue struct {
	waits      []wait
	begun      atomic.Int64 // how many of them were handed to be started
	inLine     chan *wait   // those who have their next turn before them; closed when every wait has ended
	unfinished atomic.Int64
	failed     atomic.Int64
}

func newQueue(taskIDs []int64) *queue {
	q := &queue{waits: make([]wait, len(taskIDs)), inLine: make(chan *wait, len(taskIDs))}
	for i, taskID := range taskIDs {
		q.waits[i].taskID = taskID
	}
	q.unfinished.Store(int64(len(taskIDs)))
	return q
}

func (q *queue) summary() summary {
	result := summary{failed: int(q.failed.Load())}
	for _, wait := range q.waits {
		if wait.ended {
			continue
		}
		result.unfinished = append(result.unfinished, wait.taskID)
		if wait.runID == "" {
			result.notStarted++
		}
	}
	return result
}

// startEach starts one wait after the other until none is left.
func (w *waiter) startEach(ctx context.Context, queue *queue) error {
	for {
		next := int(queue.begun.Add(1)) - 1
		if next >= len(queue.waits) {
			return nil
		}
		if err := w.start(ctx, &queue.waits[next]); err != nil {
			return err
		}
		queue.inLine <- &queue.waits[next]
	}
}

// awaitEach gives one wait after the other its turn until all have ended.
func (w *waiter) awaitEach(ctx context.Context, queue *queue) error {
	for {
		var next *wait
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case next = <-queue.inLine:
		}
		if next == nil {
			return nil
		}
		oneTurn := queue.unfinished.Load() > maxWaits
		outcome, err := w.await(ctx, next, oneTurn)
		switch {
		case err != nil:
			return err
		case outcome == nil:
			queue.inLine <- next
			continue
		case !outcome.ready:
			queue.failed.Add(1)
		}
		if queue.unfinished.Add(-1) == 0 {
			close(queue.inLine)
		}
	}
}

// start has the task's workflow run, and tries until it does.
func (w *waiter) start(ctx context.Context, wait *wait) error {
	input := w.input
	input.TaskID = wait.taskID
	options := workflows.StartOptions(wait.taskID)
	options.TaskQueue = w.taskQueue
	// To attach with USE_EXISTING would be the same, but for not telling that an earlier start's settings count.
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	options.WorkflowExecutionErrorWhenAlreadyStarted = true

	for {
		run, err := w.temporal.ExecuteWorkflow(ctx, options, workflows.AwaitTaskResultWorkflow, input)
		var already *serviceerror.WorkflowExecutionAlreadyStarted
		switch {
		case err == nil:
			wait.runID = run.GetRunID()
		case errors.As(err, &already):
			wait.runID, wait.attached = already.RunId, true
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case passing(err):
			w.tellOfSilence(err)
			pause(ctx, retryPause)
			continue
		default:
			return fmt.Errorf("task %d: its workflow can't be started: %w", wait.taskID, w.server.refusal(err))
		}
		break
	}

	wait.begun = time.Now()
	w.progress.begun(wait)
	if !w.detach {
		return nil
	}
	line, err := startedLine(wait)
	if err != nil {
		return err
	}
	if err := w.put(line); err != nil {
		return err
	}
	wait.ended = true
	return nil
}

// await waits for the end of the task's workflow, one turn long or without bound. It returns nil where the workflow
// hasn't ended yet.
func (w *waiter) await(ctx context.Context, wait *wait, oneTurn bool) (*outcome, error) {
	turnCtx, endTurn := context.WithCancel(ctx)
	defer endTurn()
	if oneTurn {
		// A deadline would reach the server, which answers long polls at once when theirs is less than 1 s away: the SDK
		// would repeat them as fast as it can.
		defer time.AfterFunc(turn, endTurn).Stop()
	}

	var output workflows.AwaitTaskResultOutput
	err := w.temporal.GetWorkflow(turnCtx, workflows.WorkflowID(wait.taskID), wait.runID).Get(turnCtx, &output)
	switch {
	case err == nil, workflows.ErrorCode(err) != "":
	case turnCtx.Err() != nil:
		return nil, nil
	case passing(err):
		w.tellOfSilence(err)
		pause(ctx, retryPause)
		return nil, nil
	case fromServer(err):
		return nil, fmt.Errorf("task %d: its workflow can't be waited for: %w", wait.taskID, w.server.refusal(err))
	}
	outcome, err := newOutcome(wait.taskID, output, err)
	if err != nil {
		return nil, err
	}
	if err := w.put(outcome.line); err != nil {
		return nil, err
	}
	wait.ended = true
	w.progress.ended(wait, outcome)
	if w.observe != nil {
		w.observe(wait.taskID, outcome)
	}
	return &outcome, nil
}

func (w *waiter) status(ctx context.Context, taskID int64) (workflows.AwaitTaskResultStatus, error) {
	answer, err := w.temporal.QueryWorkflow(ctx, workflows.WorkflowID(taskID), "", workflows.StatusQuery)
	if err != nil {
		return workflows.AwaitTaskResultStatus{}, err
	}
	var status workflows.AwaitTaskResultStatus
	return status, answer.Get(&status)
}

func (w *waiter) put(line []byte) error {
	if err := w.progress.result(line); err != nil {
		return fmt.Errorf("standard output can't be written: %w", err)
	}
	return nil
}

// tellOfSilence says, once a minute at most, that the server doesn't answer.
func (w *waiter) tellOfSilence(err error) {
	now, last := time.Now().Unix(), w.toldOfSilence.Load()
	if now-last >= 60 && w.toldOfSilence.CompareAndSwap(last, now) {
		w.progress.say("the Temporal server at %s does not answer, trying on: %v", w.server.address, err)
	}
}

// pause returns after a while, or when ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
