package main

import (
	"errors"
	"math"
	"slices"
	"time"
)

// historyLimit is the number of events at which the server ends a run: limit.historyCount.error's default, see
// https://docs.temporal.io/workflow-execution/limits.
const historyLimit = 51_200

// cpuTimes are those of the server and of the workers since they started.
type cpuTimes struct {
	server, workers time.Duration
	unavailable     bool // on this system
}

func (t cpuTimes) since(before cpuTimes) cpuTimes {
	return cpuTimes{server: t.server - before.server, workers: t.workers - before.workers, unavailable: t.unavailable}
}

// readCPUTimes reads them.
func (s *stage) readCPUTimes() (cpuTimes, error) {
	server, err := s.serverUsage()
	if errors.Is(err, errUsageUnavailable) {
		return cpuTimes{unavailable: true}, nil
	}
	if err != nil {
		return cpuTimes{}, err
	}
	times := cpuTimes{server: server.cpu}
	for _, worker := range s.workers {
		used, err := readUsage(worker.processID())
		if errors.Is(err, errUsageUnavailable) {
			return cpuTimes{unavailable: true}, nil
		}
		if err != nil {
			return cpuTimes{}, err
		}
		times.workers += used.cpu
	}
	return times, nil
}

// measurement is what a run of a design gave.
type measurement struct {
	waits      []waited
	requests   map[int64]int // getTaskResult, by task
	heartbeats int64
	cpu        cpuTimes // of the run
}

func newDesignReport(design design, m measurement) designReport {
	report := designReport{Name: design.name, Note: design.note, ours: design.ours, Tasks: len(m.waits)}
	tasks := float64(len(m.waits))
	var delays []time.Duration
	var requests, events []float64 // of those that have a result
	actions := float64(m.heartbeats)
	for _, w := range m.waits {
		if w.lost != nil {
			report.Lost++
			if report.firstLoss == nil {
				report.firstLoss = w.lost
			}
			continue
		}
		delays = append(delays, w.ended.Sub(w.readyAt))
		requests = append(requests, float64(m.requests[w.taskID]))
		events = append(events, float64(w.events))
		actions += float64(w.actions)
	}
	total := 0
	for _, ofTask := range m.requests {
		total += ofTask
	}
	report.RequestsPerTask = round(float64(total)/tasks, 2)
	report.Delay = newDelayReport(delays)
	if results := float64(len(delays)); results > 0 {
		report.EventsPerTask = round(sum(events)/results, 2)
		report.ActionsPerTask = round(actions/results, 2)
	}
	if !m.cpu.unavailable {
		server, worker := m.cpu.server.Seconds()*1000/tasks, m.cpu.workers.Seconds()*1000/tasks
		report.ServerCPU, report.WorkerCPU = pointer(round(server, 1)), pointer(round(worker, 1))
	}
	if slope, known := slope(requests, events); known {
		report.EventsPerPoll = pointer(round(slope, 1))
	}
	report.LongestRun = longestRun(report.EventsPerPoll, design.slowestInterval)
	if !design.continuesAsNew {
		report.LongestWait = report.LongestRun
	}
	return report
}

func newDelayReport(delays []time.Duration) delayReport {
	sorted := slices.Sorted(slices.Values(delays))
	return delayReport{
		Mean: milliseconds(mean(sorted)), P50: milliseconds(percentile(sorted, 50)), P95: milliseconds(percentile(sorted, 95)),
	}
}

// longestRun is how long a run may poll, in seconds, until its history has reached the server's limit; nil: for ever, or not
// known. What is less than half an event a poll is none: a task may have an event more when the server is busy.
func longestRun(eventsPerPoll *float64, interval time.Duration) *float64 {
	if eventsPerPoll == nil || *eventsPerPoll < 0.5 {
		return nil
	}
	return pointer(math.Floor(historyLimit / *eventsPerPoll * interval.Seconds()))
}

// percentile is the smallest of the sorted values that this percentage of them does not exceed; 0 of none.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

func mean(values []time.Duration) time.Duration {
	var total time.Duration
	for _, value := range values {
		total += value
	}
	return total / time.Duration(max(len(values), 1))
}

func sum(values []float64) float64 {
	total := 0.0
	for _, value := range values {
		total += value
	}
	return total
}

// slope is by how much y grows with x, by least squares. It is not known where all x are the same.
func slope(x, y []float64) (slope float64, known bool) {
	if len(x) == 0 {
		return 0, false
	}
	meanX, meanY := sum(x)/float64(len(x)), sum(y)/float64(len(y))
	covariance, variance := 0.0, 0.0
	for i := range x {
		covariance += (x[i] - meanX) * (y[i] - meanY)
		variance += (x[i] - meanX) * (x[i] - meanX)
	}
	if variance == 0 {
		return 0, false
	}
	return covariance / variance, true
}

func milliseconds(d time.Duration) float64 {
	return round(d.Seconds()*1000, 1)
}

func round(value float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(value*scale)/scale + 0 // which makes 0 of -0
}

func pointer(value float64) *float64 { return &value }
