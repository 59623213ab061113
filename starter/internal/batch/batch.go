// Package batch starts the workflows of a command's tasks, or attaches to them, and waits for what
// they end with.
package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	// maxStarts is how many workflows are started at once.
	maxStarts = 50

	// maxWaits is how many tasks are waited for at once, each by a long poll of the server. If
	// there are more tasks, they take turns, so that one that has ended is seen however many slow
	// ones there are.
	maxWaits = 500

	// turn is how long a wait lasts while there are more tasks than maxWaits.
	turn = 2 * time.Second

	// retryPause is the time between a call that the server could not answer and the next try.
	retryPause = time.Second
)

// Batch is how tasks are waited for.
type Batch struct {
	Server    Server
	TaskQueue string
	// FairnessKey is that of the workflows' temporal.Priority. Their activities inherit it. "": none.
	FairnessKey string
	Detach      bool // start, and don't wait
	Observer    Observer
}

// Observer is told how a batch proceeds. Its methods may be called concurrently.
type Observer interface {
	// Begun tells that a job's workflow was started, or attached to.
	Begun(wait Wait)
	// Ended tells what a job ended with.
	Ended(wait Wait, outcome Outcome)
	// Result takes a line of standard output, line end included. An error ends the batch.
	Result(line []byte) error
	// Say takes a message that is not about one of the jobs.
	Say(format string, values ...any)
}

// Wait is the wait for the end of a job.
type Wait struct {
	Job      Job
	RunID    string    // "" until its workflow is known to run
	Attached bool      // its workflow was started before
	Begun    time.Time // when it was started, or attached to
}

// Summary is what became of a batch.
type Summary struct {
	Failed     int
	Bought     []int64 // tasks that were bought by jobs which failed
	Unfinished []Job   // those without an outcome; with Detach: not started
	NotStarted int     // how many of the unfinished jobs have no workflow that is known to run
}

// Run starts every job's workflow, or attaches to it, and returns when the last one has ended, or
// when ctx is done. An error says what ended the batch early: the server's, standard output's, or
// ctx's cause. The summary is right in any case.
func (b Batch) Run(ctx context.Context, jobs []Job) (Summary, error) {
	r := &run{Batch: b, queue: newQueue(jobs)}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(ctx, cancel) })

	var working sync.WaitGroup
	work := func(each func(context.Context) error) {
		working.Go(func() {
			if err := each(ctx); err != nil {
				cancel(err)
			}
		})
	}
	for range min(maxStarts, len(jobs)) {
		work(r.startEach)
	}
	if !b.Detach {
		for range min(maxWaits, len(jobs)) {
			work(r.awaitEach)
		}
	}
	working.Wait()
	err := context.Cause(ctx)
	cancel(nil)
	watching.Wait()
	return r.queue.summary(), err
}

// run is one run of a batch.
type run struct {
	Batch
	queue         *queue
	toldOfSilence atomic.Int64 // when people last read that the server does not answer, in Unix seconds
	toldOfCodec   atomic.Int64 // when they last read that the codec server does not
	codecAway     atomic.Int64 // since when the codec server does not answer; 0: it does
}

// startEach starts one wait after the other until none is left.
func (r *run) startEach(ctx context.Context) error {
	for next := r.queue.nextToStart(); next != nil; next = r.queue.nextToStart() {
		if err := r.start(ctx, next); err != nil {
			return err
		}
		r.queue.inLine <- next
	}
	return nil
}

// awaitEach gives one wait after the other its turn until all have ended.
func (r *run) awaitEach(ctx context.Context) error {
	for {
		var next *wait
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case next = <-r.queue.inLine:
		}
		if next == nil {
			return nil
		}
		oneTurn := r.queue.unfinished.Load() > maxWaits
		outcome, err := r.await(ctx, next, oneTurn)
		switch {
		case err != nil:
			return err
		case outcome == nil:
			r.queue.inLine <- next
		default:
			r.queue.ended(*outcome)
		}
	}
}

// start has the job's workflow run, and tries until it does.
func (r *run) start(ctx context.Context, w *wait) error {
	options, workflowType, arguments, err := w.Job.start()
	if err != nil {
		return fmt.Errorf("%s: %w", w.Job, err)
	}
	options.TaskQueue = r.TaskQueue
	options.Priority.FairnessKey = r.FairnessKey
	// USE_EXISTING would attach in the same way, but would not tell that an earlier start's
	// settings count.
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	options.WorkflowExecutionErrorWhenAlreadyStarted = true

	for w.RunID == "" {
		started, err := r.Server.Client.ExecuteWorkflow(ctx, options, workflowType, arguments...)
		var already *serviceerror.WorkflowExecutionAlreadyStarted
		var codecError *command.CodecError
		switch {
		case err == nil:
			w.RunID = started.GetRunID()
		case errors.As(err, &already):
			w.RunID, w.Attached = already.RunId, true
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case transient(err):
			r.tellOfSilence(err)
			pause(ctx, retryPause)
		case errors.As(err, &codecError):
			return fmt.Errorf("%s: its workflow can't be started: %w", w.Job, codecError)
		default:
			return fmt.Errorf("%s: its workflow can't be started: %w", w.Job, r.Server.refusal(err))
		}
	}

	w.Begun = time.Now()
	r.Observer.Begun(w.Wait)
	if !r.Detach {
		return nil
	}
	line, err := startedLine(w.Wait)
	if err != nil {
		return err
	}
	if err := r.print(line); err != nil {
		return err
	}
	w.ended = true
	return nil
}

// await waits for the end of the job's workflow, for one turn or without bound. It returns nil if
// the workflow hasn't ended yet.
func (r *run) await(ctx context.Context, w *wait, oneTurn bool) (*Outcome, error) {
	turnCtx, endTurn := context.WithCancel(ctx)
	defer endTurn()
	if oneTurn {
		// A deadline would reach the server, which answers a long poll at once if its deadline is
		// less than 1 s away: the SDK would repeat the poll as fast as it can.
		defer time.AfterFunc(turn, endTurn).Stop()
	}

	workflowRun := r.Server.Client.GetWorkflow(turnCtx, w.Job.WorkflowID(), w.RunID)
	outcome, err := w.Job.read(func(result any) error { return workflowRun.Get(turnCtx, result) })
	var codecError *command.CodecError
	again := false
	if workflows.ErrorCode(err) == workflows.Terminated {
		again, err = r.followReset(ctx, w, workflowRun.GetRunID(), err)
	}
	switch {
	case again:
		return nil, nil
	case err == nil, workflows.ErrorCode(err) != "":
	case turnCtx.Err() != nil:
		return nil, nil
	case transient(err):
		r.tellOfSilence(err)
		pause(ctx, retryPause)
		return nil, nil
	case errors.As(err, &codecError):
		if r.tellOfCodec(codecError) {
			return nil, fmt.Errorf("%s: its result can't be read: %w", w.Job, codecError)
		}
		pause(ctx, retryPause)
		return nil, nil
	case fromServer(err):
		return nil, fmt.Errorf("%s: its workflow can't be waited for: %w", w.Job, r.Server.refusal(err))
	}
	r.codecAway.Store(0)
	if err != nil {
		if outcome, err = failedOutcome(w.Job, err, r.Server.detailsOf(ctx, w.Job, err)); err != nil {
			return nil, err
		}
	}
	if err := r.print(outcome.Line); err != nil {
		return nil, err
	}
	w.ended, w.bought = true, outcome.Bought
	r.Observer.Ended(w.Wait, outcome)
	return &outcome, nil
}

// followReset reports whether the workflow goes on in another run than the one that was terminated:
// a Reset terminates the run that it resets. Else it returns the error to go on with, which is
// terminated, or the server's.
func (r *run) followReset(ctx context.Context, w *wait, endedRunID string, terminated error) (again bool, err error) {
	described, err := r.Server.Client.DescribeWorkflow(ctx, w.Job.WorkflowID(), "")
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil && transient(err):
		return false, err
	case err != nil || described.WorkflowExecution.RunID == endedRunID:
		return false, terminated
	}
	w.RunID = described.WorkflowExecution.RunID
	return true, nil
}

func (r *run) print(line []byte) error {
	if err := r.Observer.Result(line); err != nil {
		return fmt.Errorf("standard output can't be written: %w", err)
	}
	return nil
}

// tellOfSilence says, at most once a minute, that the server does not answer.
func (r *run) tellOfSilence(err error) {
	now, last := time.Now().Unix(), r.toldOfSilence.Load()
	if now-last >= 60 && r.toldOfSilence.CompareAndSwap(last, now) {
		r.Observer.Say("the Temporal server at %s does not answer, still trying: %v", r.Server.Address, err)
	}
}

// tellOfCodec says, at most once a minute, that results can't be read. It reports whether they
// couldn't for too long.
func (r *run) tellOfCodec(err *command.CodecError) (tooLong bool) {
	now := time.Now().Unix()
	r.codecAway.CompareAndSwap(0, now)
	if last := r.toldOfCodec.Load(); now-last >= 60 && r.toldOfCodec.CompareAndSwap(last, now) {
		r.Observer.Say("results can't be read, still trying: %v", err)
	}
	return now-r.codecAway.Load() > int64(patience.Seconds())
}

// pause returns after d, or when ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
