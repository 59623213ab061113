package stage

import (
	"math"
	"slices"
	"time"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
)

// historyLimit is how many events end a run (https://docs.temporal.io/workflow-execution/limits).
const historyLimit = 51_200

// DesignFigures are a design's. A nil one is not to be had: on this system, or in this design.
type DesignFigures struct {
	Name            string   `json:"name"`
	Tasks           int      `json:"tasks"`
	RequestsPerTask float64  `json:"requestsPerTask"`
	CreateTasks     *float64 `json:"createTasksPerTask"` // requests; nil: the design doesn't submit its tasks
	Delay           Delay    `json:"delayMs"`
	EventsPerTask   float64  `json:"eventsPerTask"`
	ActionsPerTask  float64  `json:"actionsPerTask"`
	ServerCPU       *float64 `json:"serverCpuMsPerTask"`
	WorkerCPU       *float64 `json:"workerCpuMsPerTask"`
	EventsPerPoll   *float64 `json:"eventsPerPoll"`      // by how much a history grows with each request
	LongestRun      *float64 `json:"longestRunSeconds"`  // that can poll until the history limit ends it; nil: no limit
	LongestWait     *float64 `json:"longestWaitSeconds"` // which may have many runs
	Lost            int      `json:"lost"`
	Note            string   `json:"note"`
}

func newDesignFigures(design designs.Design, waits []wait, heartbeats int, before, after usage) DesignFigures {
	figures := DesignFigures{Name: design.Name, Note: design.Note, Tasks: len(waits)}
	var delays, requests, events []float64 // of waits with a result
	tasks, allRequests, actions := float64(len(waits)), 0, heartbeats
	for _, w := range waits {
		allRequests += w.requests
		if w.lost != nil {
			figures.Lost++
			continue
		}
		delays = append(delays, w.ended.Sub(w.readyAt).Seconds()*1000)
		requests = append(requests, float64(w.requests))
		events = append(events, float64(w.events))
		actions += w.actions
	}
	figures.RequestsPerTask = round(float64(allRequests)/tasks, 2)
	figures.Delay = newDelay(delays)
	figures.EventsPerTask = round(mean(events), 2)
	figures.ActionsPerTask = round(float64(actions)/float64(max(len(delays), 1)), 2)
	figures.ServerCPU = after.figure((after.server-before.server).Seconds()*1000/tasks, 1)
	figures.WorkerCPU = after.figure((after.workers-before.workers).Seconds()*1000/tasks, 1)
	if growth, _, known := LeastSquares(requests, events); known {
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

// HoldFigures are those of waits in flight with a number of worker processes.
type HoldFigures struct {
	Server     string   `json:"server,omitempty"` // "": one that was there before
	Workers    int      `json:"workers"`
	Waits      int      `json:"waits"`
	Start      Phase    `json:"start"`
	Steady     Phase    `json:"steady"`
	Finish     Phase    `json:"finish"`
	PollDelay  Delay    `json:"pollDelayMs"`         // of the first poll, beyond its time
	Memory     *float64 `json:"workerMemoryMiB"`     // of the largest worker process, in the steady phase
	PeakMemory *float64 `json:"workerPeakMemoryMiB"` // the most that one had in the whole run
	Lost       int      `json:"lost"`
}

// Phase are the figures of one phase: waits started, polls, or waits finished, and the busy CPUs.
type Phase struct {
	Seconds   float64  `json:"seconds"`
	Done      int      `json:"done"`
	PerSecond float64  `json:"perSecond"`
	Server    *float64 `json:"serverCpus"`
	Workers   *float64 `json:"workerCpus"`
	Bench     *float64 `json:"benchCpus"` // of this process: the clients, and the simulated service

	Components map[string]*float64 `json:"serverCpusByComponent,omitempty"` // of a server of several processes
}

func newPhase(done int, before, after usage) Phase {
	seconds := after.at.Sub(before.at).Seconds()
	busy := func(cpu time.Duration) *float64 { return after.figure(cpu.Seconds()/seconds, 2) }
	phase := Phase{
		Seconds: round(seconds, 1), Done: done, PerSecond: round(float64(done)/seconds, 1),
		Server: busy(after.server - before.server), Workers: busy(after.workers - before.workers), Bench: busy(after.bench - before.bench),
	}
	if len(after.components) > 1 {
		phase.Components = map[string]*float64{}
		for component, cpu := range after.components {
			phase.Components[component] = busy(cpu - before.components[component])
		}
	}
	return phase
}

// figure rounds a value that was made from the usage; nil if that is not known.
func (u usage) figure(value float64, decimals int) *float64 {
	if !u.known {
		return nil
	}
	return new(round(value, decimals))
}

// Delay are figures of several delays, in milliseconds.
type Delay struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
}

func newDelay(milliseconds []float64) Delay {
	slices.Sort(milliseconds)
	return Delay{
		round(mean(milliseconds), 1), round(percentile(milliseconds, 50), 1), round(percentile(milliseconds, 95), 1),
	}
}

// percentile is the smallest of the sorted values that this percentage of them does not exceed.
func percentile(sorted []float64, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

func mean(values []float64) float64 {
	total := 0.0
	for _, value := range values {
		total += value
	}
	return total / float64(max(len(values), 1))
}

// LeastSquares is the line that fits best: by how much y grows with x, and y where x is 0. If all x
// are the same, it is not known.
func LeastSquares(x, y []float64) (slope, intercept float64, known bool) {
	covariance, variance, meanX, meanY := 0.0, 0.0, mean(x), mean(y)
	for i := range x {
		covariance += (x[i] - meanX) * (y[i] - meanY)
		variance += (x[i] - meanX) * (x[i] - meanX)
	}
	slope = covariance / variance
	return slope, meanY - slope*meanX, variance != 0
}

func round(value float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(value*scale)/scale + 0 // which makes 0 of -0
}
