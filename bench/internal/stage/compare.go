package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

const (
	// patience is how long after a task was ready its result is waited for. In this project's designs the
	// slowest poll follows within 66 s.
	patience = 3 * time.Minute

	progressInterval = 15 * time.Second

	// historyLimit is the number of events at which the server ends a run: limit.historyCount.error's
	// default, see https://docs.temporal.io/workflow-execution/limits.
	historyLimit = 51_200
)

// wait is what has come of the wait for one task.
type wait struct {
	taskID         int64
	readyAt, ended time.Time // ended: when the workflow closed, or the loop had the answer
	run            client.WorkflowRun
	requests       int // getTaskResult
	footprint
	lost error // why there is no result; nil: the right one is there
}

// Compare puts a workload through a design, on a stage of its own, and returns what that took.
func Compare(ctx context.Context, design designs.Design, workload Workload, options Options) (figures DesignFigures, err error) {
	options.Say("%s: starting its server and its worker", design.Name)
	err = on(ctx, design, options, func(ctx context.Context, s *stage) error {
		before := s.usage()
		waits := s.runTasks(ctx, workload)
		after := s.usage()
		heartbeats, err := s.readTraces(ctx, waits)
		figures = newDesignFigures(design, waits, heartbeats, before, after)
		s.Say("%s: %d tasks, %d lost", design.Name, figures.Tasks, figures.Lost)
		return err
	})
	return figures, err
}

// runTasks submits each task at its time, waits for all of them, and returns when every wait has ended.
func (s *stage) runTasks(ctx context.Context, workload Workload) []wait {
	started := time.Now()
	waits, ended := make([]wait, workload.Tasks), make(chan struct{})
	for i, solveTime := range workload.solveTimes {
		go func() {
			waits[i] = s.runTask(ctx, started.Add(workload.arrival(i)), solveTime)
			if waits[i].lost != nil && ctx.Err() == nil {
				s.Say("%s: task %d is lost: %v", s.design.Name, waits[i].taskID, waits[i].lost)
			}
			ended <- struct{}{}
		}()
	}
	progress := time.NewTicker(progressInterval)
	defer progress.Stop()
	for count := 0; count < workload.Tasks; {
		select {
		case <-ended:
			count++
		case <-progress.C:
			s.Say("%s: %d of %d tasks have ended", s.design.Name, count, workload.Tasks)
		}
	}
	return waits
}

func (s *stage) runTask(ctx context.Context, arrival time.Time, solveTime time.Duration) (w wait) {
	if w.lost = sleepUntil(ctx, arrival); w.lost != nil {
		return w
	}
	w.readyAt = time.Now().Add(solveTime)
	w.taskID = s.service.Submit(simulator.Submission{
		Answers: []simulator.Answer{simulator.ReadyAfter(solveTime, solution)}, CallbackURL: s.callbackURL,
	})
	ctx, cancel := context.WithDeadlineCause(ctx, w.readyAt.Add(patience), fmt.Errorf("no result %s after it was ready", patience))
	defer cancel()
	result, err := s.result(ctx, &w)
	if w.lost = err; err == nil && string(result) != solution {
		w.lost = fmt.Errorf("the solution is %s instead of %s", result, solution)
	}
	return w
}

// result is what the design returns for a task. A workflow is asked for it only when the task is ready,
// since that is work for the server too.
func (s *stage) result(ctx context.Context, w *wait) (json.RawMessage, error) {
	var result designs.Result
	if s.design.Start == nil {
		err := s.workers[0].Call("Worker.Wait", w.taskID, &result.Solution)
		w.ended = time.Now()
		return result.Solution, err
	}
	var err error
	if w.run, err = s.design.Start(ctx, s.temporalClient, w.taskID); err != nil {
		return nil, err
	}
	if err := sleepUntil(ctx, w.readyAt); err != nil {
		return nil, err
	}
	if err := w.run.Get(ctx, &result); err != nil {
		return nil, errors.Join(err, context.Cause(ctx))
	}
	return result.Solution, nil
}

// readTraces adds what the service and the histories say of the waits. It returns how many heartbeats
// were sent.
func (s *stage) readTraces(ctx context.Context, waits []wait) (heartbeats int, err error) {
	for i := range waits {
		w := &waits[i]
		w.requests = len(s.service.RequestsFor(w.taskID))
		if w.run == nil || w.lost != nil {
			continue
		}
		if w.ended, err = w.add(ctx, s.temporalClient, w.run.GetID(), w.run.GetRunID()); err != nil {
			return 0, err
		}
	}
	return s.sent("RecordActivityTaskHeartbeat")
}

func newDesignFigures(design designs.Design, waits []wait, heartbeats int, before, after usage) DesignFigures {
	figures := DesignFigures{Name: design.Name, Note: design.Note, Tasks: len(waits)}
	var delays []time.Duration
	var requests, events []float64 // of waits with a result
	allRequests, actions := 0, heartbeats
	for _, w := range waits {
		allRequests += w.requests
		if w.lost != nil {
			figures.Lost++
			continue
		}
		delays = append(delays, w.ended.Sub(w.readyAt))
		requests, events = append(requests, float64(w.requests)), append(events, float64(w.events))
		actions += w.actions
	}
	tasks := float64(len(waits))
	figures.RequestsPerTask = round(float64(allRequests)/tasks, 2)
	figures.Delay = newDelay(delays)
	figures.EventsPerTask = round(mean(events), 2)
	figures.ActionsPerTask = round(float64(actions)/float64(max(len(delays), 1)), 2)
	figures.ServerCPU = after.figure((after.server-before.server).Seconds()*1000/tasks, 1)
	figures.WorkerCPU = after.figure((after.workers-before.workers).Seconds()*1000/tasks, 1)
	if growth, known := slope(requests, events); known {
		growth = round(growth, 1)
		figures.EventsPerPoll = &growth
		if growth >= 0.5 { // less is noise: a task may have one event more if the server is busy
			figures.LongestRun = new(math.Floor(historyLimit / growth * design.SlowestInterval.Seconds()))
		}
	}
	if !design.ContinuesAsNew {
		figures.LongestWait = figures.LongestRun
	}
	return figures
}
