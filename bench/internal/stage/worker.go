package stage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/process"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	workerRole              = "worker" // the only argument of a worker process, which is this program again
	cpuProfile, heapProfile = "cpu.pprof", "heap.pprof"
)

// IsWorker reports whether a command line is that of a worker process.
func IsWorker(commandLine []string) bool { return len(commandLine) > 1 && commandLine[1] == workerRole }

// workerProcess is a worker process as the benchmark sees it: it calls the methods of Worker there.
type workerProcess struct {
	*process.Process
	*rpc.Client
}

// connection is one half of each of two pipes.
type connection struct {
	io.Reader
	io.WriteCloser
}

// startWorker starts a worker process, which ends with ctx. When it ends, fail is told how, and
// then all calls to it fail.
func startWorker(ctx context.Context, fail context.CancelCauseFunc) (*workerProcess, error) {
	program, _ := os.Executable() // the start fails without one
	stdin, calls, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close() // which the process has then
	answers, stdout := io.Pipe()
	var stderr strings.Builder
	started, err := process.Start(process.Command{
		Path: program, Arguments: []string{workerRole}, Input: stdin, Output: stdout, Errors: &stderr,
		Environment: process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_"),
	})
	if err != nil {
		return nil, err
	}
	calling := rpc.NewClient(connection{answers, calls})
	context.AfterFunc(ctx, func() {
		_ = calling.Close()
		started.Signal(syscall.SIGKILL) // what it had to tell has been asked before
	})
	go func() {
		<-started.Ended()
		fail(fmt.Errorf("a worker process has ended by itself: %s: %s", started.Outcome(), strings.TrimSpace(stderr.String())))
		_ = stdout.Close()
	}()
	return &workerProcess{started, calling}, nil
}

// Settings are what a worker process is to serve.
type Settings struct {
	Design    string              // its name
	Temporal  command.Environment // names the server; it may have secrets, which a command line must not have
	TaskQueue string
	Service   provider.Config
	Tuning    Tuning
}

// Tuning are a worker process's options, as flags. The defaults are the worker command's. A zero,
// except for the cache's size, is the SDK's own default.
type Tuning struct {
	WorkflowCacheSize int  `default:"${workflow_cache_size}" placeholder:"N" help:"How many workflows a worker process keeps in memory (default ${workflow_cache_size}; 0: none)."`
	WorkflowTaskSlots int  `default:"0" placeholder:"N" help:"How many workflow tasks a worker process runs at once (default 0: the SDK's 1000)."`
	ActivitySlots     int  `default:"0" placeholder:"N" help:"How many activities a worker process runs at once (default 0: the SDK's 1000)."`
	WorkflowPollers   int  `default:"${worker_pollers}" placeholder:"N" help:"How many requests for workflow tasks a worker process has open (default ${worker_pollers}; 0: the SDK's 2)."`
	ActivityPollers   int  `default:"${worker_pollers}" placeholder:"N" help:"How many requests for activities a worker process has open (default ${worker_pollers}; 0: the SDK's 2)."`
	PollerAutoscaling bool `help:"Let the SDK choose how many requests for tasks a worker process has open, as the server advises, instead of the two above."`
	GCPercent         int  `default:"0" name:"gc-percent" placeholder:"N" help:"How much a worker process's heap may grow between two garbage collections (default 0: Go's 100 %)."`
}

func (t Tuning) options() worker.Options {
	options := worker.Options{
		MaxConcurrentWorkflowTaskExecutionSize: t.WorkflowTaskSlots,
		MaxConcurrentActivityExecutionSize:     t.ActivitySlots,
	}
	if t.PollerAutoscaling {
		options.WorkflowTaskPollerBehavior = worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{})
		options.ActivityTaskPollerBehavior = options.WorkflowTaskPollerBehavior
		return options
	}
	options.MaxConcurrentWorkflowTaskPollers = t.WorkflowPollers
	options.MaxConcurrentActivityTaskPollers = t.ActivityPollers
	return options
}

// RunWorker is a whole worker process: it serves the benchmark that started it, until killed by it.
func RunWorker(_ context.Context, invocation command.Invocation) int {
	server := rpc.NewServer()
	if err := server.Register(new(Worker)); err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	server.ServeConn(connection{os.Stdin, os.Stdout})
	return command.ExitDone
}

// Worker is what a worker process does at the benchmark's calls. Start comes first.
type Worker struct {
	service atomic.Pointer[twocaptcha.Client]
	sent    sync.Map // requests to the Temporal server, by operation
}

// Start returns when the process serves a design, and where the service calls back, if it does.
func (w *Worker) Start(settings Settings, callbackURL *string) error {
	service, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: settings.Service.ClientKey, URL: settings.Service.APIURL})
	w.service.Store(service)
	design, _ := designs.Named(settings.Design)
	if err != nil || design.Start == nil {
		return err
	}
	options, err := command.WorkerClientOptions(settings.Temporal)
	if err != nil {
		return err
	}
	options.Logger, options.TrafficController = discardLogger(), w
	temporalClient, err := client.Dial(options)
	if err != nil {
		return err
	}
	if percent := settings.Tuning.GCPercent; percent > 0 {
		debug.SetGCPercent(percent)
	}
	worker.SetStickyWorkflowCacheSize(settings.Tuning.WorkflowCacheSize)
	running := worker.New(temporalClient, settings.TaskQueue, settings.Tuning.options())
	if design.Callbacks {
		*callbackURL, err = serveCallbacks(temporalClient, &settings.Service)
	}
	switch {
	case err != nil:
	case design.Ours:
		err = provider.Register(running, settings.Service)
	default:
		design.Register(running, service)
	}
	if err != nil {
		return err
	}
	return running.Start()
}

// serveCallbacks tells the provider of the calls that it takes, and returns the address of tasks
// that no workflow submits.
func serveCallbacks(temporalClient client.Client, config *provider.Config) (url string, err error) {
	config.CallbackSecret = rand.Text()
	handler, err := callback.NewHandler(callback.Options{Temporal: temporalClient, Secret: config.CallbackSecret})
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	config.CallbackURL = "http://" + listener.Addr().String()
	// If it ends, callbacks are refused from then on, which the figures show.
	go func() { _ = callback.NewServer(handler).Serve(listener) }()
	return callback.URL(config.CallbackURL, config.CallbackSecret)
}

// Wait waits for a task without Temporal.
func (w *Worker) Wait(taskID int64, solution *json.RawMessage) (err error) {
	*solution, err = designs.PlainLoop(w.service.Load(), taskID)
	return err
}

// Sent tells how many requests for an operation the process has sent to the Temporal server.
func (w *Worker) Sent(operation string, count *int) error {
	*count = int(w.count(operation).Load())
	return nil
}

// Profile ends the profile of the CPU that is being made, if any, and writes one of the heap or
// begins one of the CPU, as the path says.
func (w *Worker) Profile(path string, _ *struct{}) error {
	pprof.StopCPUProfile()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if strings.HasSuffix(path, cpuProfile) {
		return pprof.StartCPUProfile(file)
	}
	defer file.Close()
	runtime.GC() // the profile is that of the last collection
	return pprof.WriteHeapProfile(file)
}

// CheckCallAllowed is called by the SDK before each request to the Temporal server, and allows all.
func (w *Worker) CheckCallAllowed(_ context.Context, method string, _, _ any) error {
	w.count(path.Base(method)).Add(1)
	return nil
}

func (w *Worker) count(operation string) *atomic.Int64 {
	count, _ := w.sent.LoadOrStore(operation, new(atomic.Int64))
	return count.(*atomic.Int64)
}
