package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// report is what the benchmark prints, as a table or as JSON.
type report struct {
	Designs  []designReport `json:"designs"`
	Workload workloadReport `json:"workload"`
}

type workloadReport struct {
	Tasks         int     `json:"tasks"`
	ArrivalRate   float64 `json:"arrivalsPerSecond"`
	Seed          uint64  `json:"seed"`
	MeanSolveTime float64 `json:"meanSolveSeconds"` // of the tasks as drawn
	MostSolveTime float64 `json:"maxSolveSeconds"`
	CPUs          int     `json:"cpus"`
	System        string  `json:"system"`
}

// designReport are a design's figures. A nil one is not to be had: on this system, or in this design.
type designReport struct {
	Name            string      `json:"name"`
	Tasks           int         `json:"tasks"`
	RequestsPerTask float64     `json:"requestsPerTask"`
	Delay           delayReport `json:"delayMs"`
	EventsPerTask   float64     `json:"eventsPerTask"`
	ActionsPerTask  float64     `json:"actionsPerTask"`
	ServerCPU       *float64    `json:"serverCpuMsPerTask"`
	WorkerCPU       *float64    `json:"workerCpuMsPerTask"`
	// EventsPerPoll is by how much a history grows with each request.
	EventsPerPoll *float64 `json:"eventsPerPoll"`
	// LongestRun is how long one run can poll until the history limit ends it, LongestWait how long a wait can, which may have
	// many runs: nil is as long as one likes.
	LongestRun  *float64 `json:"longestRunSeconds"`
	LongestWait *float64 `json:"longestWaitSeconds"`
	Lost        int      `json:"lost"`
	Note        string   `json:"note"`

	ours      bool
	firstLoss error
}

type delayReport struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
}

func writeJSON(to io.Writer, report any) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report)
}

// writeTable writes the figures, what they mean, and a note on each design.
func (r report) writeTable(to io.Writer) error {
	var table table
	table.add("design", "tasks", "requests", "delay ms", "", "", "events", "actions", "server CPU", "worker CPU",
		"events", "longest wait", "lost")
	table.add("", "", "a task", "mean", "p50", "p95", "a task", "a task", "ms a task", "ms a task", "a poll", "", "")
	for _, design := range r.Designs {
		table.add(design.Name, strconv.Itoa(design.Tasks), decimal(design.RequestsPerTask, 2),
			decimal(design.Delay.Mean, 0), decimal(design.Delay.P50, 0), decimal(design.Delay.P95, 0),
			decimal(design.EventsPerTask, 1), decimal(design.ActionsPerTask, 1),
			optional(design.ServerCPU, 1), optional(design.WorkerCPU, 1), optional(design.EventsPerPoll, 1),
			longestWait(design), strconv.Itoa(design.Lost))
	}
	if err := table.writeTo(to); err != nil {
		return err
	}
	text := strings.Builder{}
	w := r.Workload
	fmt.Fprintf(&text, "\n%d tasks, %s a second, ready %.1f s after their submission on average, %.1f s at most; "+
		"seed %d; %d CPUs, %s\n", w.Tasks, decimal(w.ArrivalRate, 2), w.MeanSolveTime, w.MostSolveTime, w.Seed, w.CPUs, w.System)
	text.WriteString(legend)
	for _, design := range r.Designs {
		fmt.Fprintf(&text, "%s: %s\n", design.Name, design.Note)
	}
	_, err := io.WriteString(to, text.String())
	return err
}

const legend = `
requests       getTaskResult requests that the service got
delay          from the task's being ready to the workflow's being closed, or to the loop's having the answer
events         in the histories of a wait's runs and of its children
actions        billable on Temporal Cloud (https://docs.temporal.io/cloud/actions)
CPU            of the server's and of the worker's process, from the first submission to the last outcome, what they use when
               idle included; -: Linux only
events a poll  by how much a history grows with each request; -: each task had as many requests
longest wait   until a run's history has 51,200 events and the server ends it, at the design's slowest interval;
               in brackets: of one run, which continues as new long before
lost           waits without the right result

`

// longestWait says how long one run can last where a wait may have many.
func longestWait(design designReport) string {
	switch {
	case design.LongestWait != nil:
		return inHours(*design.LongestWait)
	case design.LongestRun != nil:
		return "unbounded (" + inHours(*design.LongestRun) + " a run)"
	}
	return "unbounded"
}

func inHours(seconds float64) string {
	return decimal(seconds/time.Hour.Seconds(), 1) + " h"
}

func decimal(value float64, decimals int) string {
	return strconv.FormatFloat(value, 'f', decimals, 64)
}

func optional(value *float64, decimals int) string {
	if value == nil {
		return "-"
	}
	return decimal(*value, decimals)
}
