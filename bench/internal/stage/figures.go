package stage

import (
	"math"
	"slices"
	"time"
)

// DesignFigures are a design's. A nil one is not to be had: on this system, or in this design.
type DesignFigures struct {
	Name            string   `json:"name"`
	Tasks           int      `json:"tasks"`
	RequestsPerTask float64  `json:"requestsPerTask"`
	Delay           Delay    `json:"delayMs"`
	EventsPerTask   float64  `json:"eventsPerTask"`
	ActionsPerTask  float64  `json:"actionsPerTask"`
	ServerCPU       *float64 `json:"serverCpuMsPerTask"`
	WorkerCPU       *float64 `json:"workerCpuMsPerTask"`
	EventsPerPoll   *float64 `json:"eventsPerPoll"` // by how much a history grows with each request
	// LongestRun is how long one run can poll until the history limit ends it, LongestWait how long a wait
	// can, which may have many runs; nil: as long as one likes.
	LongestRun  *float64 `json:"longestRunSeconds"`
	LongestWait *float64 `json:"longestWaitSeconds"`
	Lost        int      `json:"lost"`
	Note        string   `json:"note"`
}

// HoldFigures are those of waits in flight with a number of worker processes.
type HoldFigures struct {
	Workers   int   `json:"workers"`
	Waits     int   `json:"waits"`
	Start     Phase `json:"start"`
	Steady    Phase `json:"steady"`
	Finish    Phase `json:"finish"`
	PollDelay Delay `json:"pollDelayMs"` // of the first poll, beyond its time
	// Memory is what the largest worker process has in the steady phase, PeakMemory the most that one had
	// in the whole run.
	Memory     *float64 `json:"workerMemoryMiB"`
	PeakMemory *float64 `json:"workerPeakMemoryMiB"`
	Lost       int      `json:"lost"`
}

// Phase are the figures of one phase: waits started, polls, or waits finished, and the CPUs that were busy.
type Phase struct {
	Seconds   float64  `json:"seconds"`
	Done      int      `json:"done"`
	PerSecond float64  `json:"perSecond"`
	Server    *float64 `json:"serverCpus"`
	Workers   *float64 `json:"workerCpus"`
	Bench     *float64 `json:"benchCpus"` // of this process: the clients, and the simulated service
}

func newPhase(done int, before, after usage) Phase {
	seconds := after.at.Sub(before.at).Seconds()
	share := func(cpu time.Duration) *float64 { return after.figure(cpu.Seconds()/seconds, 2) }
	return Phase{
		Seconds: round(seconds, 1), Done: done, PerSecond: round(float64(done)/seconds, 1),
		Server:  share(after.server - before.server),
		Workers: share(after.workers - before.workers),
		Bench:   share(after.bench - before.bench),
	}
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

func newDelay(delays []time.Duration) Delay {
	var sorted []float64
	for _, delay := range slices.Sorted(slices.Values(delays)) {
		sorted = append(sorted, delay.Seconds()*1000)
	}
	return Delay{round(mean(sorted), 1), round(percentile(sorted, 50), 1), round(percentile(sorted, 95), 1)}
}

// percentile is the smallest of the sorted values that this percentage of them does not exceed; 0 of none.
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

// slope is by how much y grows with x, by least squares. If all x are the same, it is not known.
func slope(x, y []float64) (slope float64, known bool) {
	covariance, variance, meanX, meanY := 0.0, 0.0, mean(x), mean(y)
	for i := range x {
		covariance += (x[i] - meanX) * (y[i] - meanY)
		variance += (x[i] - meanX) * (x[i] - meanX)
	}
	return covariance / variance, variance != 0
}

// round rounds to this number of decimals.
func round(value float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(value*scale)/scale + 0 // which makes 0 of -0
}
