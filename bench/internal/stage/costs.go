package stage

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
)

const (
	busyInterval = 5 * time.Second

	// A connection of PostgreSQL that has nothing to do tells its rows within 10 s.
	rowsDelay = 11 * time.Second

	// A server's first tasks fill its caches.
	warmUpTasks, warmUpRate, warmUpSolveTime = 10, 2, 3 * time.Second
)

// CostPlan says which tasks MeasureCosts puts through which designs.
type CostPlan struct {
	Designs       []designs.Design
	Loads         []float64     // tasks a second
	Arrivals      time.Duration // how long tasks arrive
	MeanSolveTime time.Duration
}

// ServerCosts are what one server and a worker took for the tasks of several designs.
type ServerCosts struct {
	Server   string        `json:"server"`
	Version  string        `json:"version"`
	Database string        `json:"database"`
	Idle     Point         `json:"idle"` // with a worker that has nothing to do
	Designs  []DesignCosts `json:"designs"`
}

// DesignCosts are a design's points, one a load.
type DesignCosts struct {
	Design string  `json:"design"`
	Points []Point `json:"points"`
}

// Point is what a number of tasks took, from the first submission to the last outcome, and on
// PostgreSQL until its rows were told.
type Point struct {
	ArrivalRate     float64            `json:"arrivalsPerSecond"`
	Tasks           int                `json:"tasks"`
	Seconds         float64            `json:"seconds"`
	RequestsPerTask float64            `json:"requestsPerTask"` // getTaskResult
	CPU             map[string]float64 `json:"cpuSeconds"`      // by component of the server, "worker" and "bench"
	Rows            *float64           `json:"rowsWritten"`     // inserted, updated or deleted; nil: not in PostgreSQL
	Bytes           *float64           `json:"bytesWritten"`    // of PostgreSQL's write-ahead log
	Busy            float64            `json:"busiestPercent"`  // of the machine, whatever ran on it
	WorkerMemory    float64            `json:"workerPeakMemoryMiB"`
}

// MeasureCosts puts the plan's tasks through its designs on options.Server, and returns what that
// took. A task that is lost is an error.
func MeasureCosts(ctx context.Context, plan CostPlan, options Options) (costs ServerCosts, err error) {
	costs.Server = options.Server.Name
	if costs.Version, err = options.Server.version(ctx); err != nil {
		return costs, err
	}
	if costs.Database, err = options.Server.databaseVersion(ctx); err != nil {
		return costs, err
	}
	measure := func(design designs.Design, workload Workload) (point Point, err error) {
		err = on(ctx, design, options, func(ctx context.Context, s *stage) (err error) {
			point, err = s.point(ctx, workload, plan.Arrivals+2*plan.MeanSolveTime)
			return err
		})
		if err != nil {
			return point, fmt.Errorf("%s, %s: %w", costs.Server, design.Name, err)
		}
		options.Say("%s, %s: %d tasks in %.0f s, %.2f requests a task, %.0f %% of the CPUs busy at most",
			costs.Server, design.Name, point.Tasks, point.Seconds, point.RequestsPerTask, point.Busy)
		return point, nil
	}
	first := plan.Designs[0]
	if _, err = measure(first, NewEvenWorkload(warmUpTasks, warmUpRate, warmUpSolveTime)); err != nil {
		return costs, err
	}
	if costs.Idle, err = measure(first, Workload{}); err != nil {
		return costs, err
	}
	for _, design := range plan.Designs {
		points := make([]Point, len(plan.Loads))
		for i, load := range plan.Loads {
			tasks := int(load*plan.Arrivals.Seconds() + 0.5)
			if points[i], err = measure(design, NewEvenWorkload(tasks, load, plan.MeanSolveTime)); err != nil {
				return costs, err
			}
		}
		costs.Designs = append(costs.Designs, DesignCosts{design.Name, points})
	}
	return costs, nil
}

// point measures a workload or, if that has no tasks, what is used in the idle time.
func (s *stage) point(ctx context.Context, workload Workload, idle time.Duration) (Point, error) {
	rowsBefore, bytesBefore, err := s.Server.written(ctx)
	if err != nil {
		return Point{}, err
	}
	watched, stop := context.WithCancel(ctx)
	busy := make(chan float64, 1)
	go func() { busy <- busiest(watched, busyInterval) }()
	before := s.usage()
	if workload.Tasks == 0 {
		_ = sleepUntil(ctx, before.at.Add(idle)) // if ctx ends, so does this point
	}
	waits := s.runTasks(ctx, workload)
	if rowsBefore != nil {
		_ = sleepUntil(ctx, time.Now().Add(rowsDelay))
	}
	after := s.usage()
	stop()
	point := Point{
		ArrivalRate: workload.ArrivalRate, Tasks: workload.Tasks, Seconds: round(after.at.Sub(before.at).Seconds(), 2),
		CPU: map[string]float64{
			"worker": round((after.workers - before.workers).Seconds(), 2), "bench": round((after.bench - before.bench).Seconds(), 2),
		},
		Busy: <-busy, WorkerMemory: round(float64(after.peak)/(1<<20), 1),
	}
	for component, cpu := range after.components {
		point.CPU[component] = round((cpu - before.components[component]).Seconds(), 2)
	}
	rows, bytes, err := s.Server.written(ctx)
	if rows != nil && rowsBefore != nil {
		point.Rows, point.Bytes = new(*rows-*rowsBefore), new(*bytes-*bytesBefore)
	}
	requests := 0
	for _, w := range waits {
		requests += w.requests
		if err == nil && w.lost != nil {
			err = fmt.Errorf("task %d is lost: %w", w.taskID, w.lost)
		}
	}
	point.RequestsPerTask = round(float64(requests)/float64(max(len(waits), 1)), 2)
	return point, cmp.Or(context.Cause(ctx), err)
}
