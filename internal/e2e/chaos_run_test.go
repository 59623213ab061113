package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	chaosTaskQueue = "chaos"

	// A worker says that it ends at most 20 s after SIGTERM; a pod is killed after 30 s, which is what it must keep to.
	chaosTermLimit = 30 * time.Second

	// chaosPause is between two tries of what a Temporal server that is down can't do.
	chaosPause = 500 * time.Millisecond
)

// chaosRun is a plan that is carried out. Its methods that run in goroutines fail the test without ending it.
type chaosRun struct {
	t        *testing.T
	plan     chaosPlan
	begun    time.Time
	service  *simulator.Server
	temporal client.Client

	serverOptions devserver.Options
	server        *devserver.Server // only its own goroutine replaces it

	mutex        sync.Mutex
	disturbances []incident
	refused      int           // starts of a worker that ended since the Temporal server was down
	slowestTerm  time.Duration // of the workers' ends after SIGTERM
	wakeUps      int           // that the server took

	outcomes []chaosOutcome // in the order of the plan's tasks; each is written by its task's goroutine alone
}

// incident is a disturbance that happened.
type incident struct {
	who      string
	kind     disturbanceKind
	from, to time.Time // to: when it is continued, or was started again
}

// chaosOutcome is what a client was told of a task's wait.
type chaosOutcome struct {
	workflowID, runID string
	started           int // tries of the start
	known             bool
	output            workflows.AwaitTaskResultOutput
	failure           error // the workflow's; nil where it succeeded
	lastError         error // of the start or the wait, where no outcome is known
}

const chaosServerName = "Temporal server"

// startChaos sets everything up, and leaves it undisturbed.
func startChaos(t *testing.T, plan chaosPlan) *chaosRun {
	t.Helper()
	r := &chaosRun{t: t, plan: plan, service: startSimulator(t), outcomes: make([]chaosOutcome, len(plan.tasks))}
	r.service.Faults(plan.seed, chaosFaultProbability, chaosFaults(r.service.URL()+"/elsewhere")...)

	var err error
	r.serverOptions = devserver.Options{
		CLI: fixture.cli, Database: filepath.Join(t.TempDir(), "temporal.db"), Port: ownPort(t),
	}
	r.server, err = devserver.Start(testContext(t), r.serverOptions)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.server.Stop()) })
	r.temporal, err = client.Dial(client.Options{HostPort: r.server.Address(), Logger: quietLogger{}})
	require.NoError(t, err)
	t.Cleanup(r.temporal.Close)
	return r
}

// carryOut returns when every disturbance of the plan has happened, and every task has its outcome or the run's time is over.
// It ends the workers with SIGTERM.
func (r *chaosRun) carryOut() {
	ctx, cancel := context.WithTimeout(context.Background(), r.plan.form.bound)
	defer cancel()
	r.begun = time.Now()

	var disturbers, tasks sync.WaitGroup
	tasksEnded := make(chan struct{})
	for i, disturbances := range r.plan.workers {
		disturbers.Go(func() {
			worker := &chaosWorker{run: r, name: fmt.Sprintf("worker %d", i+1)}
			worker.start()
			worker.disturb(disturbances, tasksEnded)
		})
	}
	disturbers.Go(func() { r.disturbServer() })
	for i, task := range r.plan.tasks {
		tasks.Go(func() { r.await(ctx, task, &r.outcomes[i]) })
		if task.wakeUpAt > 0 {
			tasks.Go(func() { r.wakeUp(ctx, task) })
		}
	}
	tasks.Wait()
	close(tasksEnded)
	disturbers.Wait()
}

// disturbServer kills the Temporal server and starts it again on the same port and database.
func (r *chaosRun) disturbServer() {
	for _, d := range r.plan.server {
		time.Sleep(time.Until(r.begun.Add(d.at)))
		from := time.Now()
		assert.NoError(r.t, r.server.Err(), "before it was killed")
		assert.NoError(r.t, r.server.Kill())
		time.Sleep(d.lasts)
		server, err := devserver.Start(context.Background(), r.serverOptions)
		r.note(chaosServerName, d.kind, from)
		if !assert.NoError(r.t, err, "the Temporal server's next start") {
			return
		}
		r.server = server
	}
}

// note records a disturbance that is over.
func (r *chaosRun) note(who string, kind disturbanceKind, from time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.disturbances = append(r.disturbances, incident{who: who, kind: kind, from: from, to: time.Now()})
}

// await submits a task, starts its workflow and waits for its outcome, through whatever happens to the server.
func (r *chaosRun) await(ctx context.Context, task chaosTask, outcome *chaosOutcome) {
	if !pauseUntil(ctx, r.begun.Add(task.startAt)) {
		outcome.lastError = context.Cause(ctx)
		return
	}
	r.service.Script(task.id, task.script...)

	options := workflows.StartOptions(task.id)
	options.TaskQueue = chaosTaskQueue
	input := workflows.AwaitTaskResultInput{TaskID: task.id, Timeout: task.timeout, Polling: task.polling}
	for outcome.runID == "" {
		outcome.started++
		run, err := r.temporal.ExecuteWorkflow(ctx, options, workflows.AwaitTaskResultWorkflow, input)
		if err == nil {
			outcome.workflowID, outcome.runID = run.GetID(), run.GetRunID()
			break
		}
		outcome.lastError = fmt.Errorf("start: %w", err)
		if !pauseUntil(ctx, time.Now().Add(chaosPause)) {
			return
		}
		// The server may have taken the start and lost its answer. A failed wait would then be started over.
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	}
	for {
		var output workflows.AwaitTaskResultOutput
		err := r.temporal.GetWorkflow(ctx, outcome.workflowID, outcome.runID).Get(ctx, &output)
		var ended *temporal.WorkflowExecutionError
		if err == nil || errors.As(err, &ended) {
			outcome.known, outcome.output, outcome.failure, outcome.lastError = true, output, err, nil
			return
		}
		outcome.lastError = fmt.Errorf("wait: %w", err)
		if !pauseUntil(ctx, time.Now().Add(chaosPause)) {
			return
		}
	}
}

// wakeUp sends a wake-up once, as a webhook would. One that the server does not take is lost: it is a hint, no more.
func (r *chaosRun) wakeUp(ctx context.Context, task chaosTask) {
	if !pauseUntil(ctx, r.begun.Add(task.startAt+task.wakeUpAt)) {
		return
	}
	err := r.temporal.SignalWorkflow(ctx, workflows.WorkflowID(task.id), "", workflows.TaskCallbackSignal,
		workflows.TaskCallback{TaskID: task.id})
	if err == nil {
		r.mutex.Lock()
		r.wakeUps++
		r.mutex.Unlock()
	}
}

// pauseUntil is false where ctx ended before.
func pauseUntil(ctx context.Context, end time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(end)):
		return true
	}
}

// chaosWorker is one worker of the run: a process, and after that the next one.
type chaosWorker struct {
	run     *chaosRun
	name    string
	process *process
}

func (w *chaosWorker) start() {
	arguments := []string{"--task-queue", chaosTaskQueue, "--api-url", w.run.service.URL()}
	if size := os.Getenv(cacheSizeVariable); size != "" {
		arguments = append(arguments, "--workflow-cache-size", size)
	}
	started, err := newProcess(w.run.t, command{
		path: fixture.worker, arguments: arguments,
		environment: []string{
			fmt.Sprintf("TEMPORAL_ADDRESS=127.0.0.1:%d", w.run.serverOptions.Port), "TWOCAPTCHA_API_KEY=" + clientKey,
			withoutDeadlockDetection,
		},
	})
	if err != nil {
		panic(err) // the same program has run already
	}
	w.process = started
}

// disturb carries out the worker's part of the plan, and then lets it run until the tasks have ended.
func (w *chaosWorker) disturb(disturbances []disturbance, tasksEnded <-chan struct{}) {
	for _, d := range disturbances {
		due, cancel := context.WithDeadline(context.Background(), w.run.begun.Add(d.at))
		w.keepRunning(due.Done())
		cancel()
		from := time.Now()
		switch d.kind {
		case byKill:
			w.signal(syscall.SIGKILL)
			<-w.process.ended
			time.Sleep(d.lasts)
			w.start()
		case byTerm:
			w.terminate()
			time.Sleep(d.lasts)
			w.start()
		case byStop:
			w.signal(syscall.SIGSTOP)
			time.Sleep(d.lasts)
			w.signal(syscall.SIGCONT)
		}
		w.run.note(w.name, d.kind, from)
	}
	w.keepRunning(tasksEnded)
	w.terminate()
}

// keepRunning returns once until is closed. Meanwhile it does what an orchestrator does: it starts a worker again that has
// ended, which one may do only where it was started while the Temporal server was down.
func (w *chaosWorker) keepRunning(until <-chan struct{}) {
	for {
		select {
		case <-w.process.ended:
			w.startAgain()
		case <-until:
			return
		}
	}
}

func (w *chaosWorker) startAgain() {
	status := w.process.command.ProcessState.ExitCode()
	wrote := w.process.stderr.String()
	if status == 1 && strings.Contains(wrote, "can't be reached") && !strings.Contains(wrote, workerStarted) {
		w.run.mutex.Lock()
		w.run.refused++
		w.run.mutex.Unlock()
	} else {
		assert.Fail(w.run.t, "a worker ended by itself", "%s, with status %d; it wrote\n%s", w.name, status, wrote)
	}
	time.Sleep(chaosPause)
	w.start()
}

const workerStarted = "worker started"

// terminate sends SIGTERM to a worker that polls, and returns when it has ended.
func (w *chaosWorker) terminate() {
	for !w.polls() {
		w.startAgain()
	}
	from := time.Now()
	w.signal(syscall.SIGTERM)
	select {
	case <-w.process.ended:
		assert.Equal(w.run.t, 0, w.process.command.ProcessState.ExitCode(), "%s after SIGTERM wrote\n%s", w.name, w.process.stderr)
	case <-time.After(chaosTermLimit):
		assert.Fail(w.run.t, "a worker does not end after SIGTERM", "%s wrote\n%s", w.name, w.process.stderr)
		w.signal(syscall.SIGKILL)
		<-w.process.ended
	}
	w.run.mutex.Lock()
	defer w.run.mutex.Unlock()
	w.run.slowestTerm = max(w.run.slowestTerm, time.Since(from))
}

// polls returns true once the worker has said that it has started, and false where it ended before.
func (w *chaosWorker) polls() bool {
	for {
		wrote, more := w.process.stderr.state()
		if strings.Contains(wrote, workerStarted) {
			return true
		}
		select {
		case <-more:
		case <-w.process.ended:
			return false
		}
	}
}

func (w *chaosWorker) signal(signal syscall.Signal) {
	// A worker that has just ended by itself is noticed by keepRunning.
	if err := w.process.command.Process.Signal(signal); !errors.Is(err, os.ErrProcessDone) {
		assert.NoError(w.run.t, err, "%s to %s", signal, w.name)
	}
}

// happened are the disturbances within that time, of whomever, in their order.
func (r *chaosRun) happened(from, to time.Time) []incident {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var within []incident
	for _, d := range r.disturbances {
		if !d.from.After(to) && !d.to.Before(from) {
			within = append(within, d)
		}
	}
	slices.SortFunc(within, func(a, b incident) int { return a.from.Compare(b.from) })
	return within
}
