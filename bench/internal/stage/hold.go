package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	holdTimeout       = 6 * time.Hour   // beyond what holding waits takes
	holdPatience      = 2 * time.Minute // how long nothing may happen before Hold fails
	holdCheckInterval = 250 * time.Millisecond

	// serverProfileTime is within each phase of 10,000 waits and more.
	serverProfileTime = 20 * time.Second

	slowestStarts = 40 // a second, which a cluster exceeds that shares two cores with all else
	leastToStart  = 5 * time.Second

	// mostWoken is how many waits may be awake at once. A result lives 15 minutes, and the slowest
	// cluster that was measured ends 31 waits a second.
	mostWoken     = 10_000
	wokenPatience = 10 * time.Minute

	parallelRequests = 32 // to the Temporal server, while waits are started, woken or terminated
)

type hold struct {
	*stage
	pollInterval time.Duration
	held         time.Duration // how long the steady phase is
	taskIDs      []int64
	pollsBegin   time.Time   // when the first of them is due
	firstPolls   []time.Time // when each wait is to poll first
}

// Hold starts the waits, holds them, wakes all of them when their tasks are ready, and returns what
// that took. The first polls are spread evenly over the poll interval. They begin when all waits
// have been started, if that goes at slowestStarts or faster.
func Hold(ctx context.Context, waits int, pollInterval, held time.Duration, options Options) (figures HoldFigures, err error) {
	err = on(ctx, designs.All()[0], options, func(ctx context.Context, s *stage) (err error) {
		s.Say("%s%d waits, worker processes: %d: starting", s.serverName(", "), waits, s.Workers)
		h := &hold{stage: s, pollInterval: pollInterval, held: held, taskIDs: make([]int64, waits), firstPolls: make([]time.Time, waits)}
		figures, err = h.figures(ctx)
		return err
	})
	return figures, err
}

func (h *hold) figures(ctx context.Context) (HoldFigures, error) {
	figures := HoldFigures{Server: h.serverName(""), Workers: h.Workers, Waits: len(h.taskIDs)}
	for _, phase := range []struct {
		name    string
		figures *Phase
		run     func(context.Context) (done int, err error)
	}{{"start", &figures.Start, h.start}, {"steady", &figures.Steady, h.steady}, {"finish", &figures.Finish, h.finish}} {
		// The second phase begins at the time that the first has set, or at once if that is past.
		if err := cmp.Or(sleepUntil(ctx, h.pollsBegin), h.profile(phase.name, cpuProfile)); err != nil {
			return figures, err
		}
		serverProfiles := h.profileServer(ctx, phase.name)
		before := h.usage()
		done, err := phase.run(ctx)
		after := h.usage()
		if err := cmp.Or(err, serverProfiles(), h.profile(phase.name, heapProfile)); err != nil {
			return figures, fmt.Errorf("%s: %w", phase.name, err)
		}
		*phase.figures = newPhase(done, before, after)
		if h.Temporal != nil {
			phase.figures.Server = nil
		}
		h.Say("%s: %d in %.1f s, %.1f a second", phase.name, done, phase.figures.Seconds, phase.figures.PerSecond)
		if phase.name == "steady" {
			figures.PollDelay, figures.Memory = h.pollDelay(), after.figure(float64(after.memory)/(1<<20), 1)
		}
		figures.PeakMemory = after.figure(float64(after.peak)/(1<<20), 1)
	}
	completed, err := h.count(ctx, `ExecutionStatus = "Completed"`)
	figures.Lost = len(h.taskIDs) - completed
	h.started.open.Clear() // all have ended, with a result or without
	return figures, err
}

// profile has the workers profile a phase, if they make any profiles.
func (h *hold) profile(phase, kind string) (err error) {
	for _, worker := range h.workers {
		if h.Profiles != "" {
			path := h.profilePath(fmt.Sprintf("worker-%d", worker.ID()), phase, kind)
			err = cmp.Or(err, os.MkdirAll(filepath.Dir(path), 0o755), worker.Call("Worker.Profile", path, new(struct{})))
		}
	}
	return err
}

// profileServer profiles the CPU of a cluster's processes, for some time from now on, if profiles
// are made. It returns what waits for them.
func (h *hold) profileServer(ctx context.Context, phase string) (wait func() error) {
	if h.Profiles == "" || h.Server == nil {
		return func() error { return nil }
	}
	var profiles sync.WaitGroup
	var errs sync.Map
	for name, url := range h.Server.profiled {
		profiles.Go(func() {
			from := fmt.Sprintf("%sprofile?seconds=%.0f", url, serverProfileTime.Seconds())
			if err := download(ctx, from, h.profilePath(name, phase, cpuProfile)); err != nil {
				errs.Store(name, fmt.Errorf("the profile of %s: %w", name, err))
			}
		})
	}
	return func() (err error) {
		profiles.Wait()
		for _, failed := range errs.Range {
			err = errors.Join(err, failed.(error))
		}
		return err
	}
}

// profilePath is in a folder for this number of waits and of worker processes.
func (h *hold) profilePath(process, phase, kind string) string {
	folder := fmt.Sprintf("%s%d-waits-%d-workers", strings.ReplaceAll(h.serverName("-"), " ", "-"), len(h.taskIDs), h.Workers)
	return filepath.Join(h.Profiles, folder, fmt.Sprintf("%s.%s.%s", process, phase, kind))
}

func download(ctx context.Context, url, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, response.Body)
	return errors.Join(err, file.Close())
}

// start starts the waits, until the workers have completed the first workflow task of each.
func (h *hold) start(ctx context.Context) (int, error) {
	h.pollsBegin = time.Now().Add(max(time.Duration(len(h.taskIDs))*time.Second/slowestStarts, leastToStart))
	for i := range h.taskIDs {
		h.taskIDs[i] = h.service.Submit(simulator.Submission{Answers: []simulator.Answer{simulator.Processing()}})
	}
	return h.forEach(ctx, func(i int) error {
		initialDelay := max(time.Until(h.evenly(i)), time.Millisecond)
		h.firstPolls[i] = time.Now().Add(initialDelay)
		_, err := designs.StartOurs(ctx, h.temporalClient, h.taskIDs[i], workflows.AwaitTaskResultInput{
			InitialDelay: initialDelay,
			PollInterval: h.pollInterval, MaxPollInterval: h.pollInterval, Timeout: holdTimeout,
		})
		return err
	}, func() (left int, err error) {
		workflowTasks, err := h.sent("RespondWorkflowTaskCompleted")
		// If polls have begun, each first one had two: as the timer fired, and with the answer.
		polled := map[int64]bool{}
		for _, request := range h.service.Requests() {
			polled[request.TaskID] = true
		}
		return len(h.taskIDs) - (workflowTasks - 2*len(polled)), err
	})
}

// steady lets the waits poll.
func (h *hold) steady(ctx context.Context) (int, error) {
	before := len(h.service.Requests())
	err := sleepUntil(ctx, time.Now().Add(h.held))
	return len(h.service.Requests()) - before, err
}

// finish makes every task ready and wakes its wait, until all have ended.
func (h *hold) finish(ctx context.Context) (int, error) {
	begun := time.Now()
	return h.forEach(ctx, func(i int) error {
		for since := time.Now(); i >= mostWoken && !h.hasAskedSince(begun, h.taskIDs[i-mostWoken]); {
			if time.Since(since) > wokenPatience {
				return fmt.Errorf("task %d has not been asked for within %s of its being ready", h.taskIDs[i-mostWoken], wokenPatience)
			}
			if err := sleepUntil(ctx, time.Now().Add(holdCheckInterval)); err != nil {
				return err
			}
		}
		h.service.Script(h.taskIDs[i], simulator.Ready(solution))
		err := h.temporalClient.SignalWorkflow(ctx, workflows.WorkflowID(h.taskIDs[i]), "",
			workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: h.taskIDs[i]})
		if ended := new(serviceerror.NotFound); errors.As(err, &ended) {
			return nil // its poll was due anyway
		}
		return err
	}, func() (left int, err error) {
		// Visibility lags behind: what runs may be missing there, what has ended stays.
		ended, err := h.count(ctx, `ExecutionStatus != "Running" AND ExecutionStatus != "ContinuedAsNew"`)
		return len(h.taskIDs) - ended, err
	})
}

// hasAskedSince tells whether there was a request for the task since then.
func (h *hold) hasAskedSince(then time.Time, taskID int64) bool {
	requests := h.service.RequestsFor(taskID)
	return len(requests) > 0 && requests[len(requests)-1].Arrived.After(then)
}

// forEach does something for each wait, and returns how many there are when nothing is left to
// happen. It fails if what is left stops getting less.
func (h *hold) forEach(ctx context.Context, do func(i int) error, count func() (left int, err error)) (int, error) {
	err := inParallel(len(h.taskIDs), do)
	for least, changed := len(h.taskIDs)+1, time.Now(); err == nil; err = sleepUntil(ctx, time.Now().Add(holdCheckInterval)) {
		left, err := count()
		switch {
		case err != nil || left <= 0:
			return len(h.taskIDs), err
		case left < least:
			least, changed = left, time.Now()
		case time.Since(changed) > holdPatience:
			return 0, fmt.Errorf("%d of %d waits are left, and nothing has happened for %s", left, len(h.taskIDs), holdPatience)
		}
	}
	return 0, err
}

// inParallel calls do for each index below n, until an error comes.
func inParallel(n int, do func(i int) error) error {
	var clients sync.WaitGroup
	var failed atomic.Bool
	errs := make([]error, parallelRequests)
	for client := range errs {
		clients.Go(func() {
			for i := client; i < n && !failed.Load(); i += parallelRequests {
				if errs[client] = do(i); errs[client] != nil {
					failed.Store(true)
				}
			}
		})
	}
	clients.Wait()
	return cmp.Or(errs...)
}

// evenly is when a wait polls first if that goes by the poll interval alone.
func (h *hold) evenly(i int) time.Time {
	return h.pollsBegin.Add(time.Duration(float64(i) / float64(len(h.taskIDs)) * float64(h.pollInterval)))
}

// pollDelay is how late the first polls came.
func (h *hold) pollDelay() Delay {
	var delays []float64
	for i, taskID := range h.taskIDs {
		if requests := h.service.RequestsFor(taskID); len(requests) > 0 {
			delays = append(delays, requests[0].Arrived.Sub(h.firstPolls[i]).Seconds()*1000)
		}
	}
	return newDelay(delays)
}

// count is how many of the stage's workflows meet a condition.
func (h *hold) count(ctx context.Context, condition string) (int, error) {
	query := fmt.Sprintf("TaskQueue = %q AND %s", h.started.taskQueue, condition)
	found, err := h.temporalClient.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	return int(found.GetCount()), err
}
