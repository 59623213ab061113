package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
)

const (
	// patience is how long after a task was ready an outcome is waited for. Of ours, the slowest poll follows within 66 s.
	patience = 3 * time.Minute

	progressInterval = 15 * time.Second
)

// waited is what has come of the wait for one task.
type waited struct {
	taskID  int64
	readyAt time.Time
	ended   time.Time // when the waiter had the result: its workflow closed, or its loop had the answer
	run     client.WorkflowRun
	footprint
	lost error // why there is no result; nil: there is the right one
}

// runDesign puts the tasks through a design, on a stage of its own, and returns what that took. The error says why there
// are no figures.
func runDesign(ctx context.Context, design design, tasks []task, options stageOptions) (_ designReport, err error) {
	say(options.messages, "%s: starting its server and its worker", design.name)
	stage, err := openStage(ctx, design, options)
	if err != nil {
		return designReport{}, err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	ctx, cancel := stage.watched(ctx)
	defer cancel()

	before, err := stage.readCPUTimes()
	if err != nil {
		return designReport{}, err
	}
	waits := stage.runTasks(ctx, tasks, options.messages)
	if ctx.Err() != nil {
		return designReport{}, context.Cause(ctx)
	}
	after, err := stage.readCPUTimes()
	if err != nil {
		return designReport{}, err
	}
	heartbeats, err := stage.stopWorkers()
	if err != nil {
		return designReport{}, err
	}
	if err := stage.readFootprints(ctx, waits); err != nil {
		return designReport{}, err
	}
	report := newDesignReport(design, measurement{
		waits: waits, requests: stage.requestsByTask(), heartbeats: heartbeats, cpu: after.since(before),
	})
	say(options.messages, "%s: %d tasks, %d lost", design.name, report.Tasks, report.Lost)
	return report, nil
}

// runTasks submits each task at its time, has it waited for, and returns when that has ended for all.
func (s *stage) runTasks(ctx context.Context, tasks []task, messages io.Writer) []waited {
	started := time.Now()
	waits := make([]waited, len(tasks))
	var ended atomic.Int64
	var running sync.WaitGroup
	for i, task := range tasks {
		running.Go(func() {
			waits[i] = s.runTask(ctx, started, task)
			ended.Add(1)
		})
	}
	stopProgress := every(progressInterval, func() {
		say(messages, "%s: %d of %d tasks have ended", s.design.name, ended.Load(), len(tasks))
	})
	defer stopProgress()
	running.Wait()
	return waits
}

func (s *stage) runTask(ctx context.Context, started time.Time, task task) (w waited) {
	if err := sleepUntil(ctx, started.Add(task.arrival)); err != nil {
		return waited{lost: err}
	}
	w.taskID, w.readyAt, w.lost = s.submit(task.solveTime)
	if w.lost != nil {
		return w
	}
	ctx, cancel := context.WithDeadlineCause(ctx, w.readyAt.Add(patience), fmt.Errorf("no result %s after it was ready", patience))
	defer cancel()
	result := guideResult{}
	if s.design.start == nil {
		result.Solution, w.ended, w.lost = s.runLoop(ctx, w.taskID)
	} else {
		result, w.run, w.lost = s.runWorkflow(ctx, w.taskID, w.readyAt)
	}
	switch {
	case w.lost != nil:
		w.lost = fmt.Errorf("task %d: %w", w.taskID, w.lost)
	case string(result.Solution) != solution:
		w.lost = fmt.Errorf("task %d: the solution is %s instead of %s", w.taskID, result.Solution, solution)
	}
	return w
}

// runWorkflow has a workflow wait for the task. Nobody waits for the workflow before the task is ready, since that would be work
// for the server too.
func (s *stage) runWorkflow(ctx context.Context, taskID int64, readyAt time.Time) (guideResult, client.WorkflowRun, error) {
	run, err := s.start(ctx, taskID)
	if err != nil {
		return guideResult{}, nil, err
	}
	if err := sleepUntil(ctx, readyAt); err != nil {
		return guideResult{}, run, err
	}
	var result guideResult
	if err := run.Get(ctx, &result); err != nil {
		return guideResult{}, run, errors.Join(err, context.Cause(ctx))
	}
	return result, run, nil
}

// runLoop has the worker process's own loop wait for the task.
func (s *stage) runLoop(ctx context.Context, taskID int64) ([]byte, time.Time, error) {
	outcome, err := s.workers[0].wait(ctx, taskID)
	if err == nil && outcome.Error != "" {
		err = errors.New(outcome.Error)
	}
	return outcome.Solution, outcome.At, err
}

// readFootprints adds what the histories say of the waits that have a result.
func (s *stage) readFootprints(ctx context.Context, waits []waited) error {
	for i := range waits {
		w := &waits[i]
		if w.run == nil || w.lost != nil {
			continue
		}
		var err error
		if w.footprint, err = readFootprint(ctx, s.temporal, w.run.GetID(), w.run.GetRunID()); err != nil {
			return err
		}
		w.ended = w.closed
	}
	return nil
}

// requestsByTask is how many getTaskResult requests the service got for each task.
func (s *stage) requestsByTask() map[int64]int {
	requests := map[int64]int{}
	for _, request := range s.service.Requests() {
		requests[request.TaskID]++
	}
	return requests
}

func sleepUntil(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Until(at)):
		return nil
	}
}

// every calls what at intervals, until it is stopped.
func every(interval time.Duration, what func()) (stop func()) {
	ticker, stopped := time.NewTicker(interval), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ticker.C:
				what()
			case <-stopped:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(stopped)
		running.Wait()
	}
}

func say(messages io.Writer, format string, values ...any) {
	fmt.Fprintf(messages, "bench: "+format+"\n", values...)
}
