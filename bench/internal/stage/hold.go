package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	// holdTimeout is beyond what holding waits takes.
	holdTimeout = 6 * time.Hour
	// holdClients is how many requests to the Temporal server are under way at once while waits are
	// started or woken.
	holdClients = 32
	// holdPatience is how long nothing may happen before Hold fails.
	holdPatience      = 2 * time.Minute
	holdCheckInterval = 250 * time.Millisecond
)

// hold is a run of Hold.
type hold struct {
	*stage
	pollInterval time.Duration
	taskIDs      []int64
	pollsBegin   time.Time
}

// Hold starts the waits, holds them for one interval, in which each polls once, wakes all of them when
// their tasks are ready, and returns what that took. The polls are spread evenly over the interval,
// and begin one interval after the first start.
func Hold(ctx context.Context, waits int, pollInterval time.Duration, options Options) (figures HoldFigures, err error) {
	options.Say("%d waits, worker processes: %d: starting the server and the workers", waits, options.Workers)
	err = on(ctx, designs.All()[0], options, func(ctx context.Context, s *stage) error {
		h := &hold{stage: s, pollInterval: pollInterval, taskIDs: make([]int64, waits)}
		figures, err = h.figures(ctx)
		return err
	})
	return figures, err
}

func (h *hold) figures(ctx context.Context) (HoldFigures, error) {
	figures := HoldFigures{Workers: h.Workers, Waits: len(h.taskIDs)}
	for _, phase := range []struct {
		name    string
		figures *Phase
		run     func(context.Context) (done int, err error)
	}{{"start", &figures.Start, h.start}, {"steady", &figures.Steady, h.steady}, {"finish", &figures.Finish, h.finish}} {
		// The first phase sets when the second begins. If it took longer than that, there is no pause.
		if err := cmp.Or(sleepUntil(ctx, h.pollsBegin), h.profile("BeginProfile", phase.name)); err != nil {
			return figures, err
		}
		before := h.usage()
		done, err := phase.run(ctx)
		after := h.usage()
		if err := cmp.Or(err, h.profile("EndProfile", phase.name)); err != nil {
			return figures, fmt.Errorf("%s: %w", phase.name, err)
		}
		*phase.figures = newPhase(done, before, after)
		h.Say("%s: %d in %.1f s, %.1f a second", phase.name, done, phase.figures.Seconds, phase.figures.PerSecond)
		if phase.name == "steady" {
			figures.PollDelay, figures.Memory = h.pollDelay(), after.figure(float64(after.memory)/(1<<20), 1)
		}
		figures.PeakMemory = after.figure(float64(after.peak)/(1<<20), 1)
	}
	completed, err := h.count(ctx, "Completed")
	figures.Lost = len(h.taskIDs) - completed
	return figures, err
}

// profile begins or ends the workers' profiles of a phase, if they make any.
func (h *hold) profile(method, phase string) (err error) {
	for _, worker := range h.workers {
		if h.Profiles != "" {
			prefix := filepath.Join(h.Profiles, fmt.Sprintf("worker-%d.%s", worker.ID(), phase))
			err = cmp.Or(err, worker.Call("Worker."+method, prefix, new(struct{})))
		}
	}
	return err
}

// start starts the waits, and returns when the workers have taken up each of them: have completed its
// first workflow task.
func (h *hold) start(ctx context.Context) (int, error) {
	h.pollsBegin = time.Now().Add(h.pollInterval)
	for i := range h.taskIDs {
		h.taskIDs[i] = h.service.Submit(simulator.Submission{Answers: []simulator.Answer{simulator.Processing()}})
	}
	err := h.forEach(func(i int) error {
		_, err := designs.StartOurs(ctx, h.temporalClient, h.taskIDs[i], workflows.AwaitTaskResultInput{
			InitialDelay: max(time.Until(h.firstPoll(i)), time.Millisecond),
			PollInterval: h.pollInterval, MaxPollInterval: h.pollInterval, Timeout: holdTimeout,
		})
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(h.taskIDs), h.until(ctx, func() (left int, err error) {
		workflowTasks, err := h.sent("RespondWorkflowTaskCompleted")
		ofPolls := 2 * len(h.service.Requests()) // if polls have begun: as the timer fires, and with the answer
		return max(len(h.taskIDs)-(workflowTasks-ofPolls), 0), err
	})
}

// steady lets the waits poll for one interval.
func (h *hold) steady(ctx context.Context) (int, error) {
	before := len(h.service.Requests())
	err := sleepUntil(ctx, time.Now().Add(h.pollInterval))
	return len(h.service.Requests()) - before, err
}

// finish makes every task ready, wakes its wait, and returns when all have ended.
func (h *hold) finish(ctx context.Context) (int, error) {
	for _, taskID := range h.taskIDs {
		h.service.Script(taskID, simulator.Ready(solution))
	}
	err := h.forEach(func(i int) error {
		err := h.temporalClient.SignalWorkflow(ctx, workflows.WorkflowID(h.taskIDs[i]), "",
			workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: h.taskIDs[i]})
		if ended := new(serviceerror.NotFound); errors.As(err, &ended) {
			return nil // its poll was due anyway
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(h.taskIDs), h.until(ctx, func() (int, error) { return h.count(ctx, "Running") })
}

// firstPoll is when a wait is to poll first.
func (h *hold) firstPoll(i int) time.Time {
	return h.pollsBegin.Add(time.Duration(float64(i) / float64(len(h.taskIDs)) * float64(h.pollInterval)))
}

// pollDelay is how late the first polls came.
func (h *hold) pollDelay() Delay {
	var delays []time.Duration
	for i, taskID := range h.taskIDs {
		if requests := h.service.RequestsFor(taskID); len(requests) > 0 {
			delays = append(delays, requests[0].Arrived.Sub(h.firstPoll(i)))
		}
	}
	return newDelay(delays)
}

// count is how many of the workflows have a status.
func (h *hold) count(ctx context.Context, status string) (int, error) {
	query := fmt.Sprintf("ExecutionStatus = %q", status)
	found, err := h.temporalClient.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	return int(found.GetCount()), err
}

// forEach does something for each wait, by several clients, of which each stops at its first error.
func (h *hold) forEach(do func(i int) error) error {
	var clients sync.WaitGroup
	errs := make([]error, holdClients)
	for client := range errs {
		clients.Go(func() {
			for i := client; i < len(h.taskIDs) && errs[client] == nil; i += holdClients {
				errs[client] = do(i)
			}
		})
	}
	clients.Wait()
	return cmp.Or(errs...)
}

// until returns when nothing is left. It fails if what is left stops getting less.
func (h *hold) until(ctx context.Context, count func() (left int, err error)) error {
	least, changed := len(h.taskIDs)+1, time.Now()
	for {
		left, err := count()
		if err != nil || left == 0 {
			return err
		}
		if left < least {
			least, changed = left, time.Now()
		}
		if time.Since(changed) > holdPatience {
			return fmt.Errorf("%d of %d waits are left, and nothing has happened for %s", left, len(h.taskIDs), holdPatience)
		}
		if err := sleepUntil(ctx, time.Now().Add(holdCheckInterval)); err != nil {
			return err
		}
	}
}
