package main

import (
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/provider"
)

const (
	// firstDelay is from a task's submission to the first poll, in every design on Temporal but that with callbacks.
	firstDelay = 5 * time.Second
	// guideInterval is how often the designs of Temporal's guide poll: as often as the service permits.
	guideInterval = 5 * time.Second
	// waitTimeout is how long a wait may take in all: as long as the service keeps a result.
	waitTimeout = 15 * time.Minute

	taskQueue = "bench"
)

// design is one way to wait for the results of tasks.
type design struct {
	name string
	// note is what a reader of its figures should know.
	note string
	// ours tells this project's designs from those that they are compared with.
	ours bool
	// callbacks: its tasks are submitted with an address that the service calls.
	callbacks bool

	// slowestInterval is the time between two polls of a wait that has gone on for long.
	slowestInterval time.Duration
	// continuesAsNew: a wait's history begins anew before it reaches the server's limit.
	continuesAsNew bool

	// start is how the wait for a task is started; nil: the design does without Temporal, and its process waits by itself.
	start func(taskID int64) start
	// register has a worker serve the design.
	register func(registry worker.Registry, service provider.Config) error
}

// start is what a client is told to start the wait for a task. The workflow's result has the property "solution".
type start struct {
	options  client.StartWorkflowOptions
	workflow string
	input    any
}

// designs are all, in the order of the table.
func designs() []design {
	return []design{
		timerDesign(),
		callbackDesign(),
		activityRetryDesign(),
		retryGuideDesign(),
		heartbeatGuideDesign(),
		childGuideDesign(),
		plainLoopDesign(),
	}
}

// designNamed returns the design of that name.
func designNamed(name string) (design, bool) {
	for _, design := range designs() {
		if design.name == name {
			return design, true
		}
	}
	return design{}, false
}

func designNames() []string {
	var names []string
	for _, design := range designs() {
		names = append(names, design.name)
	}
	return names
}
