package stage

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	// spread is the standard deviation of a solve time's logarithm. With a mean of 15 s it puts the
	// median at 12.5 s and one task in 20 above 34 s.
	spread = 0.6

	// Solve times outside of these parts of the mean are drawn again: 2 s and 90 s with a mean of 15 s.
	leastOfMean = 2.0 / 15
	// MostOfMean is the upper one.
	MostOfMean = 6
)

// Workload is tasks, and figures of them. Solve times are log-normal: most are short, a few are long.
type Workload struct {
	Tasks         int     `json:"tasks"`
	ArrivalRate   float64 `json:"arrivalsPerSecond"`
	Seed          uint64  `json:"seed"`             // equal seeds give equal tasks
	MeanSolveTime float64 `json:"meanSolveSeconds"` // of the tasks as drawn
	MostSolveTime float64 `json:"maxSolveSeconds"`

	solveTimes []time.Duration
}

// NewWorkload draws that many tasks. The bounds of solve times move their mean by less than 1 %.
func NewWorkload(tasks int, arrivalRate float64, mean time.Duration, seed uint64) Workload {
	w := Workload{Tasks: tasks, ArrivalRate: arrivalRate, Seed: seed}
	random := rand.New(rand.NewPCG(seed, 0))
	location := math.Log(mean.Seconds()) - spread*spread/2
	var total, most time.Duration
	for len(w.solveTimes) < tasks {
		solveTime := time.Duration(math.Exp(location+spread*random.NormFloat64()) * float64(time.Second))
		if solveTime >= time.Duration(leastOfMean*float64(mean)) && solveTime <= MostOfMean*mean {
			w.solveTimes = append(w.solveTimes, solveTime)
			total, most = total+solveTime, max(most, solveTime)
		}
	}
	w.MeanSolveTime, w.MostSolveTime = round(total.Seconds()/float64(tasks), 1), round(most.Seconds(), 1)
	return w
}

// arrival is when a task is submitted, after the start of the run.
func (w Workload) arrival(i int) time.Duration {
	return time.Duration(float64(i) / w.ArrivalRate * float64(time.Second))
}
