package main

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// scaleReports are what --scale prints.
type scaleReports struct {
	Scale        []scaleReport `json:"scale"`
	PollInterval float64       `json:"pollIntervalSeconds"`
	CPUs         int           `json:"cpus"`
	System       string        `json:"system"`
}

// scaleReport are the figures with a number of worker processes.
type scaleReport struct {
	Workers   int         `json:"workers"`
	Waits     int         `json:"waits"`
	Start     phaseReport `json:"start"`
	Steady    phaseReport `json:"steady"`
	Finish    phaseReport `json:"finish"`
	PollDelay delayReport `json:"pollDelayMs"` // of the first poll, beyond its time
	// Memory is what the largest worker process has in the steady phase, PeakMemory the most that one had in the whole run.
	Memory     *float64 `json:"workerMemoryMiB"`
	PeakMemory *float64 `json:"workerPeakMemoryMiB"`
	Lost       int      `json:"lost"`
}

// phaseReport are the figures of one phase: waits started, polls, or waits finished, and how many CPUs were busy with it.
type phaseReport struct {
	Seconds   float64  `json:"seconds"`
	Done      int      `json:"done"`
	PerSecond float64  `json:"perSecond"`
	Server    *float64 `json:"serverCpus"`
	Workers   *float64 `json:"workerCpus"`
	Bench     *float64 `json:"benchCpus"` // of this process: the clients, and the simulated service
}

func (r phaseReport) String() string {
	return fmt.Sprintf("%d in %s s, %s a second; CPUs busy: server %s, workers %s, this process %s", r.Done, decimal(r.Seconds, 1),
		decimal(r.PerSecond, 1), optional(r.Server, 2), optional(r.Workers, 2), optional(r.Bench, 2))
}

// writeTable writes the figures, a row for each, and what they mean.
func (r scaleReports) writeTable(to io.Writer) error {
	headings := []string{"worker processes"}
	for _, run := range r.Scale {
		headings = append(headings, strconv.Itoa(run.Workers))
	}
	var table table
	table.add(headings...)
	row := func(name string, figure func(scaleReport) string) {
		cells := []string{name}
		for _, run := range r.Scale {
			cells = append(cells, figure(run))
		}
		table.add(cells...)
	}
	row("waits", func(run scaleReport) string { return strconv.Itoa(run.Waits) })
	phases := []struct {
		name, what string
		of         func(scaleReport) phaseReport
	}{
		{"start", "starts a second", func(run scaleReport) phaseReport { return run.Start }},
		{"steady", "polls a second", func(run scaleReport) phaseReport { return run.Steady }},
		{"finish", "finishes a second", func(run scaleReport) phaseReport { return run.Finish }},
	}
	for _, phase := range phases {
		row(phase.name+": "+phase.what, func(run scaleReport) string { return decimal(phase.of(run).PerSecond, 1) })
		row(phase.name+": CPUs, server", func(run scaleReport) string { return optional(phase.of(run).Server, 2) })
		row(phase.name+": CPUs, workers", func(run scaleReport) string { return optional(phase.of(run).Workers, 2) })
		row(phase.name+": CPUs, bench", func(run scaleReport) string { return optional(phase.of(run).Bench, 2) })
	}
	row("steady: poll delay ms, p50", func(run scaleReport) string { return decimal(run.PollDelay.P50, 0) })
	row("steady: poll delay ms, p95", func(run scaleReport) string { return decimal(run.PollDelay.P95, 0) })
	row("worker memory MiB, steady", func(run scaleReport) string { return optional(run.Memory, 0) })
	row("worker memory MiB, peak", func(run scaleReport) string { return optional(run.PeakMemory, 0) })
	row("lost", func(run scaleReport) string { return strconv.Itoa(run.Lost) })
	if err := table.writeTo(to); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "\nEach wait polls every %s; %d CPUs, %s\n%s", time.Duration(r.PollInterval*float64(time.Second)),
		r.CPUs, r.System, scaleLegend)
	return err
}

const scaleLegend = `
start       all waits are started at once, until a worker has taken up each
steady      all are in flight, and each polls once
finish      all tasks are ready and all waits are woken at once, until each has ended
CPUs        busy with the Temporal server, all workers, and this program's clients and simulated service; -: Linux only
poll delay  of the first poll, beyond its time
memory      resident, of the largest worker process
`

// cores are CPU times at an instant.
type cores struct {
	cpuTimes
	bench time.Duration
	at    time.Time
}

func (s *stage) readCores() (cores, error) {
	times, err := s.readCPUTimes()
	if err != nil || times.unavailable {
		return cores{cpuTimes: times, at: time.Now()}, err
	}
	bench, err := readOwnCPU()
	return cores{cpuTimes: times, bench: bench, at: time.Now()}, err
}

func newPhaseReport(done int, before, after cores) phaseReport {
	seconds := after.at.Sub(before.at).Seconds()
	report := phaseReport{Seconds: round(seconds, 1), Done: done, PerSecond: round(float64(done)/seconds, 1)}
	if !after.unavailable {
		of := func(before, after time.Duration) *float64 { return pointer(round((after-before).Seconds()/seconds, 2)) }
		report.Server, report.Workers = of(before.server, after.server), of(before.workers, after.workers)
		report.Bench = of(before.bench, after.bench)
	}
	return report
}
