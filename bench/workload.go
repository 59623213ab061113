package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

const (
	// spread is the standard deviation of a solve time's logarithm. With a mean of 15 s it puts the median at 12.5 s and one
	// task in 20 above 34 s.
	spread = 0.6

	// Solve times outside of these parts of the mean are drawn again: 2 s and 90 s with a mean of 15 s.
	leastOfMean = 2.0 / 15
	mostOfMean  = 6
)

// workload says which tasks there are. Equal workloads have equal tasks.
type workload struct {
	tasks         int
	rate          float64       // arrivals a second, evenly
	meanSolveTime time.Duration // before the bounds are applied, which move it by less than 1 %
	seed          uint64
}

// task is one task of a workload.
type task struct {
	arrival   time.Duration // from the start of the run to the task's submission
	solveTime time.Duration // from its submission to its result
}

// draw returns the tasks in order of arrival. Solve times are log-normal: most are short, a few are long.
func (w workload) draw() []task {
	random := rand.New(rand.NewPCG(w.seed, 0))
	tasks := make([]task, w.tasks)
	for i := range tasks {
		tasks[i] = task{
			arrival:   time.Duration(float64(i) / w.rate * float64(time.Second)),
			solveTime: w.drawSolveTime(random),
		}
	}
	return tasks
}

func (w workload) drawSolveTime(random *rand.Rand) time.Duration {
	location := math.Log(w.meanSolveTime.Seconds()) - spread*spread/2
	for {
		solveTime := time.Duration(math.Exp(location+spread*random.NormFloat64()) * float64(time.Second))
		if solveTime >= w.least() && solveTime <= w.most() {
			return solveTime
		}
	}
}

func (w workload) least() time.Duration {
	return time.Duration(leastOfMean * float64(w.meanSolveTime))
}

func (w workload) most() time.Duration {
	return mostOfMean * w.meanSolveTime
}

func newWorkloadReport(w workload, tasks []task) workloadReport {
	var solveTimes []time.Duration
	for _, task := range tasks {
		solveTimes = append(solveTimes, task.solveTime)
	}
	return workloadReport{
		Tasks: w.tasks, ArrivalRate: w.rate, Seed: w.seed,
		MeanSolveTime: round(mean(solveTimes).Seconds(), 1), MostSolveTime: round(slices.Max(solveTimes).Seconds(), 1),
		CPUs: runtime.NumCPU(), System: system(),
	}
}
