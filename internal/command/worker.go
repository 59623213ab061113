package command

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
)

const (
	// WorkerStopTimeout covers a request under way (15 s at most) and the report of its outcome, within the 30 s that a pod
	// has for its shutdown.
	WorkerStopTimeout = 20 * time.Second

	// WorkflowCacheSize is how many waits a worker process keeps in memory between their polls, by default.
	WorkflowCacheSize = 4000

	// WorkerPollers is how many requests for tasks of each kind a worker process has open, by default.
	WorkerPollers = 8
)

// WorkerOptions returns the options that all workers of the commands have. What they set other than the SDK was found by
// go run ./bench --scale: with the SDK's 2 pollers a busy server has tasks waiting while the worker is idle, and its cache of
// 10,000 workflows doubles the memory and saves next to nothing, since replaying a wait is cheap.
func WorkerOptions(plugin *temporal.SimplePlugin) worker.Options {
	return worker.Options{
		Plugins:                          []worker.Plugin{plugin},
		MaxConcurrentWorkflowTaskPollers: WorkerPollers,
		MaxConcurrentActivityTaskPollers: WorkerPollers,
		WorkerStopTimeout:                WorkerStopTimeout,
	}
}
