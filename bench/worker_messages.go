package main

import (
	"encoding/json"
	"time"
)

// A worker process reads workerRequests on its standard input, until that ends, and writes workerMessages on its standard
// output, both as JSON.

// workerRequest is one of these.
type workerRequest struct {
	Wait          int64  `json:"wait,omitempty"`          // a task's id: wait for it, in a design without Temporal
	Count         bool   `json:"count,omitempty"`         // tell what has been counted so far
	BeginProfiles string `json:"beginProfiles,omitempty"` // those of this name, in the folder that the process was given
	EndProfiles   bool   `json:"endProfiles,omitempty"`
}

// workerMessage is one of these.
type workerMessage struct {
	Serving *serving      `json:"serving,omitempty"` // first
	Outcome *loopOutcome  `json:"outcome,omitempty"`
	Counts  *workerCounts `json:"counts,omitempty"` // when asked for, and last
}

// serving says that the process is at work.
type serving struct {
	CallbackURL string `json:"callbackUrl,omitempty"` // the base of the addresses at which it takes callbacks
}

// loopOutcome is what has come of a workerRequest's Wait.
type loopOutcome struct {
	TaskID   int64           `json:"taskId"`
	At       time.Time       `json:"at"`
	Solution json.RawMessage `json:"solution,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// workerCounts are requests that the process has sent to the Temporal server.
type workerCounts struct {
	Heartbeats    int64 `json:"heartbeats"`
	WorkflowTasks int64 `json:"workflowTasks"`
}
