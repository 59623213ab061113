package main

import (
	"strconv"

	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// workerRole is the first argument of a worker process, which is this program again.
const workerRole = "worker"

// workerFlags are what a worker process takes. The client key and the callbacks' secret are in its environment.
type workerFlags struct {
	Design   string `required:"" help:"The design to serve."`
	APIURL   string `name:"api-url" required:"" help:"The simulated service's address."`
	Temporal string `help:"The Temporal server's address."`
	Profiles string `help:"A folder for profiles of the CPU and of the heap."`
	workerTuning
	command.CommonFlags
}

// workerTuning are a worker process's options, to be tried by --scale. The defaults are the worker command's. A zero, but
// for the cache's size, is the SDK's own default.
type workerTuning struct {
	WorkflowCacheSize int `default:"${workflow_cache_size}" group:"With --scale" placeholder:"N" help:"How many workflows a worker process keeps in memory (default ${workflow_cache_size}; 0: none)."`
	WorkflowTaskSlots int `default:"0" group:"With --scale" placeholder:"N" help:"How many workflow tasks a worker process runs at once (default 0: the SDK's 1000)."`
	ActivitySlots     int `default:"0" group:"With --scale" placeholder:"N" help:"How many activities a worker process runs at once (default 0: the SDK's 1000)."`
	WorkflowPollers   int `default:"${worker_pollers}" group:"With --scale" placeholder:"N" help:"How many requests for workflow tasks a worker process has open (default ${worker_pollers}; 0: the SDK's 2)."`
	ActivityPollers   int `default:"${worker_pollers}" group:"With --scale" placeholder:"N" help:"How many requests for activities a worker process has open (default ${worker_pollers}; 0: the SDK's 2)."`
	GCPercent         int `default:"0" name:"gc-percent" group:"With --scale" placeholder:"N" help:"How much a worker process's heap may grow between two garbage collections (default 0: Go's 100 %)."`
}

// arguments are the command line that gives a worker process these flags.
func (t workerTuning) arguments() []string {
	return []string{
		"--workflow-cache-size", strconv.Itoa(t.WorkflowCacheSize),
		"--workflow-task-slots", strconv.Itoa(t.WorkflowTaskSlots),
		"--activity-slots", strconv.Itoa(t.ActivitySlots),
		"--workflow-pollers", strconv.Itoa(t.WorkflowPollers),
		"--activity-pollers", strconv.Itoa(t.ActivityPollers),
		"--gc-percent", strconv.Itoa(t.GCPercent),
	}
}

func (t workerTuning) options() worker.Options {
	return worker.Options{
		MaxConcurrentWorkflowTaskExecutionSize: t.WorkflowTaskSlots,
		MaxConcurrentActivityExecutionSize:     t.ActivitySlots,
		MaxConcurrentWorkflowTaskPollers:       t.WorkflowPollers,
		MaxConcurrentActivityTaskPollers:       t.ActivityPollers,
	}
}
