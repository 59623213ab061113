package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	// scaleTimeout is beyond what a run takes.
	scaleTimeout = 6 * time.Hour

	// scaleClients is how many requests to the Temporal server are under way at once while waits are started, or woken.
	scaleClients = 32

	// scalePatience is how long nothing may happen before a run of --scale fails.
	scalePatience = 2 * time.Minute

	scaleCheckInterval = 250 * time.Millisecond
)

// scaleOptions say what --scale holds in flight.
type scaleOptions struct {
	waits        int
	pollInterval time.Duration
	stageOptions
}

// scaleWait is one of many in flight.
type scaleWait struct {
	taskID      int64
	firstPollAt time.Time
}

// runScale starts the waits, holds them for one interval, in which each polls once, wakes them all when their tasks are ready,
// and returns what that took. The polls are spread evenly over the interval, and begin one interval after the first start.
func runScale(ctx context.Context, options scaleOptions) (_ scaleReport, err error) {
	say(options.messages, "%d waits with %s: starting the server and the workers", options.waits, inWorkers(options.workers))
	stage, err := openStage(ctx, timerDesign(), options.stageOptions)
	if err != nil {
		return scaleReport{}, err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	ctx, cancel := stage.watched(ctx)
	defer cancel()

	run := &scaleRun{stage: stage, options: options}
	report := scaleReport{Workers: options.workers, Waits: options.waits}
	if report.Start, err = run.phase(ctx, "start", run.start); err != nil {
		return scaleReport{}, err
	}
	if err := sleepUntil(ctx, run.steadyAt); err != nil { // at once, where the starts took longer than that
		return scaleReport{}, err
	}
	if report.Steady, err = run.phase(ctx, "steady", run.hold); err != nil {
		return scaleReport{}, err
	}
	report.PollDelay = run.pollDelays()
	if report.Memory, err = stage.workerMemory(); err != nil {
		return scaleReport{}, err
	}
	say(options.messages, "worker memory: %s MiB, with %d waits in flight", optional(report.Memory, 0), options.waits)
	if report.Finish, err = run.phase(ctx, "finish", run.finish); err != nil {
		return scaleReport{}, err
	}
	if report.PeakMemory, err = stage.workerPeakMemory(); err != nil {
		return scaleReport{}, err
	}
	say(options.messages, "worker memory: %s MiB at most", optional(report.PeakMemory, 0))
	completed, err := stage.completed(ctx)
	report.Lost = options.waits - completed
	return report, err
}

// scaleRun is a run of --scale.
type scaleRun struct {
	stage    *stage
	options  scaleOptions
	waits    []scaleWait
	steadyAt time.Time // when the first of the polls is due
}

// phase measures one part of the run, in which what is done to a number of waits.
func (r *scaleRun) phase(ctx context.Context, name string, do func(context.Context) (done int, err error)) (phaseReport, error) {
	if err := r.beginProfiles(name); err != nil {
		return phaseReport{}, err
	}
	before, err := r.stage.readCores()
	if err != nil {
		return phaseReport{}, err
	}
	done, err := do(ctx)
	if err != nil {
		return phaseReport{}, fmt.Errorf("%s: %w", name, err)
	}
	after, err := r.stage.readCores()
	if err != nil {
		return phaseReport{}, err
	}
	if err := r.endProfiles(ctx); err != nil {
		return phaseReport{}, err
	}
	report := newPhaseReport(done, before, after)
	say(r.options.messages, "%s: %s", name, report)
	return report, nil
}

// beginProfiles has the workers make profiles of the phase of this name, where they are to make any.
func (r *scaleRun) beginProfiles(name string) error {
	if r.options.profiles == "" {
		return nil
	}
	return r.stage.request(workerRequest{BeginProfiles: name})
}

// endProfiles returns when they are written, so that no figure is read while they are.
func (r *scaleRun) endProfiles(ctx context.Context) error {
	if r.options.profiles == "" {
		return nil
	}
	if err := r.stage.request(workerRequest{EndProfiles: true}); err != nil {
		return err
	}
	_, err := r.stage.workflowTasks(ctx) // a worker does what is asked of it in turn
	return err
}

// start starts the waits, and returns when the workers have taken up each of them: have completed its first workflow task.
func (r *scaleRun) start(ctx context.Context) (int, error) {
	r.waits = make([]scaleWait, r.options.waits)
	r.steadyAt = time.Now().Add(r.options.pollInterval)
	for i := range r.waits {
		offset := time.Duration(float64(i) / float64(len(r.waits)) * float64(r.options.pollInterval))
		r.waits[i] = scaleWait{
			taskID:      r.stage.service.Submit(simulator.Submission{Answers: []simulator.Answer{simulator.Processing()}}),
			firstPollAt: r.steadyAt.Add(offset),
		}
	}
	err := r.forEach(ctx, func(wait scaleWait) error {
		input := workflows.AwaitTaskResultInput{
			TaskID:          wait.taskID,
			InitialDelay:    max(time.Until(wait.firstPollAt), time.Millisecond),
			PollInterval:    r.options.pollInterval,
			MaxPollInterval: r.options.pollInterval,
			Timeout:         scaleTimeout,
		}
		start := startOfOurs(input)
		_, err := r.stage.temporal.ExecuteWorkflow(ctx, start.options, start.workflow, start.input)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(r.waits), r.until(ctx, func() (left int, err error) {
		completed, err := r.stage.workflowTasks(ctx)
		ofPolls := 2 * len(r.stage.service.Requests()) // where polls have begun: when the timer fires, and when the answer is there
		return max(len(r.waits)-(completed-ofPolls), 0), err
	})
}

// hold lets the waits poll for one interval.
func (r *scaleRun) hold(ctx context.Context) (int, error) {
	before := len(r.stage.service.Requests())
	if err := sleepUntil(ctx, time.Now().Add(r.options.pollInterval)); err != nil {
		return 0, err
	}
	return len(r.stage.service.Requests()) - before, nil
}

// finish lets every task be ready, wakes its wait, and returns when all have ended.
func (r *scaleRun) finish(ctx context.Context) (int, error) {
	for _, wait := range r.waits {
		r.stage.service.Script(wait.taskID, simulator.Ready(solution))
	}
	err := r.forEach(ctx, func(wait scaleWait) error {
		err := r.stage.temporal.SignalWorkflow(ctx, workflows.WorkflowID(wait.taskID), "",
			workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: wait.taskID})
		if ended := new(serviceerror.NotFound); errors.As(err, &ended) {
			return nil // its poll was due anyway
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	err = r.until(ctx, func() (left int, err error) { return r.stage.count(ctx, `ExecutionStatus = "Running"`) })
	return len(r.waits), err
}

// pollDelays is how late the first polls came.
func (r *scaleRun) pollDelays() delayReport {
	arrived := map[int64]time.Time{}
	for _, request := range r.stage.service.Requests() {
		if request.TaskRequest == 1 {
			arrived[request.TaskID] = request.Arrived
		}
	}
	var delays []time.Duration
	for _, wait := range r.waits {
		if at, polled := arrived[wait.taskID]; polled {
			delays = append(delays, at.Sub(wait.firstPollAt))
		}
	}
	return newDelayReport(delays)
}

// forEach does something for all waits, several at a time, and stops at the first error.
func (r *scaleRun) forEach(ctx context.Context, do func(scaleWait) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waits := make(chan scaleWait)
	var clients sync.WaitGroup
	for range scaleClients {
		clients.Go(func() {
			for wait := range waits {
				if err := do(wait); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, wait := range r.waits {
		if ctx.Err() != nil {
			break
		}
		waits <- wait
	}
	close(waits)
	clients.Wait()
	return context.Cause(ctx)
}

// until returns when nothing is left; an error when what is left has stopped growing less.
func (r *scaleRun) until(ctx context.Context, count func() (left int, err error)) error {
	least, changed := len(r.waits)+1, time.Now()
	for {
		left, err := count()
		if err != nil || left == 0 {
			return err
		}
		if left < least {
			least, changed = left, time.Now()
		}
		if time.Since(changed) > scalePatience {
			return fmt.Errorf("%d of %d waits are left, and nothing has happened for %s", left, len(r.waits), scalePatience)
		}
		if err := sleepUntil(ctx, time.Now().Add(scaleCheckInterval)); err != nil {
			return err
		}
	}
}

// workflowTasks is how many the workers have completed.
func (s *stage) workflowTasks(ctx context.Context) (int, error) {
	completed := 0
	for _, worker := range s.workers {
		counts, err := worker.count(ctx)
		if err != nil {
			return 0, err
		}
		completed += int(counts.WorkflowTasks)
	}
	return completed, nil
}

func (s *stage) completed(ctx context.Context) (int, error) {
	return s.count(ctx, `ExecutionStatus = "Completed"`)
}

// count is how many workflows a query finds.
func (s *stage) count(ctx context.Context, query string) (int, error) {
	found, err := s.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	return int(found.GetCount()), err
}

// request asks every worker for something.
func (s *stage) request(request workerRequest) error {
	var errs []error
	for _, worker := range s.workers {
		errs = append(errs, worker.request(request))
	}
	return errors.Join(errs...)
}

func inWorkers(number int) string {
	if number == 1 {
		return "1 worker process"
	}
	return fmt.Sprintf("%d worker processes", number)
}
