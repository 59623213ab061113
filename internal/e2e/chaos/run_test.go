package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	taskQueue   = "chaos"
	serverName  = "Temporal server"
	serviceName = "service"

	// retryPause is between two tries of what a Temporal server that is down can't do.
	retryPause = 500 * time.Millisecond
)

// disturbedRun is a plan that is carried out. Methods that run in goroutines fail the test without
// ending it.
type disturbedRun struct {
	t              *testing.T
	plan           runPlan
	begun          time.Time
	service        *simulator.Server
	temporalClient client.Client
	server         temporalServer

	mutex        sync.Mutex
	disturbances []incident
	refused      int           // starts of a worker that ended because the Temporal server was down
	slowestTerm  time.Duration // of the workers' ends after SIGTERM
	wakeUps      int           // that the server took

	// processes has the ids of the workers' processes, by the address at which each finds the service.
	processes map[string]int

	creations [][]creation // in the order of the plan's solves, whose solve's requests are in order

	// outcomes are in the order of the plan's tasks, and solved in that of its solves. Only its task's
	// goroutine writes one.
	outcomes []taskOutcome
	solved   []solveOutcome
}

// incident is a disturbance that happened.
type incident struct {
	who      string
	part     string // of the Temporal server, what was killed
	process  int    // of a worker, the id that it had before; else 0
	kind     disturbanceKind
	from, to time.Time // to: when it is continued, or was started again
}

// clientOutcome is what a client was told of a workflow.
type clientOutcome struct {
	workflowID, runID string
	started           int // tries of the start
	known             bool
	failure           error // the workflow's; nil if it succeeded
	lastError         error // of the start or the wait, if no outcome is known
}

// taskOutcome is what a client was told of a task's wait.
type taskOutcome struct {
	clientOutcome
	output workflows.AwaitTaskResultOutput
}

// solveOutcome is what a client was told of a task's SolveTask.
type solveOutcome struct {
	clientOutcome
	output workflows.SolveTaskOutput
}

// startRun sets everything up and disturbs nothing yet.
func startRun(t *testing.T, plan runPlan) *disturbedRun {
	t.Helper()
	r := &disturbedRun{
		t: t, plan: plan, outcomes: make([]taskOutcome, len(plan.tasks)),
		solved: make([]solveOutcome, len(plan.solves)), creations: make([][]creation, len(plan.solves)), processes: map[string]int{},
	}
	r.service = harness.StartSimulatorWith(t, simulator.Options{NewTask: r.create})
	r.serviceIsUp()

	r.server = startServer(t, plan.onCluster)
	r.temporalClient = harness.DialWith(t, client.Options{HostPort: r.server.address()})
	return r
}

// carryOut returns when every disturbance of the plan has happened, and every task has its outcome
// or the run's time is over. It ends the workers with SIGTERM.
func (r *disturbedRun) carryOut() {
	ctx, cancel := context.WithTimeout(context.Background(), r.plan.form.bound)
	defer cancel()
	r.begun = time.Now()

	var disturbers, tasks sync.WaitGroup
	tasksEnded := make(chan struct{})
	for i, disturbances := range r.plan.workers {
		worker := &disturbedWorker{run: r, name: fmt.Sprintf("worker %d", i+1), callbackPort: harness.NewPort(r.t)}
		disturbers.Go(func() {
			worker.start()
			worker.disturb(disturbances, tasksEnded)
		})
	}
	disturbers.Go(func() { r.disturbServer() })
	disturbers.Go(func() { r.disturbService() })
	for i, task := range r.plan.tasks {
		tasks.Go(func() { r.await(ctx, task, &r.outcomes[i]) })
		if task.wakeUpAt > 0 {
			tasks.Go(func() { r.wakeUp(ctx, task) })
		}
	}
	for i, solve := range r.plan.solves {
		tasks.Go(func() { r.solve(ctx, i) })
		if solve.cancelAt > 0 {
			tasks.Go(func() { r.cancelSolve(ctx, i) })
		}
	}
	tasks.Wait()
	close(tasksEnded)
	disturbers.Wait()
	assert.NoError(r.t, r.server.err(), "at the end of the run")
}

// disturbServer kills the Temporal server, or a part of it, and starts it again.
func (r *disturbedRun) disturbServer() {
	for _, d := range r.plan.server {
		time.Sleep(time.Until(r.begun.Add(d.at)))
		from := time.Now()
		assert.NoError(r.t, r.server.err(), "before it was killed")
		assert.NoError(r.t, r.server.kill(d.part))
		time.Sleep(d.lasts)
		err := r.server.restart(d.part)
		r.note(incident{who: serverName, part: d.part, kind: d.kind, from: from})
		if !assert.NoError(r.t, err, "the next start of the Temporal server's %s", d.part) {
			return
		}
	}
}

// disturbService lets no request get an answer for a while.
func (r *disturbedRun) disturbService() {
	down := r.plan.form.down
	time.Sleep(time.Until(r.begun.Add(down.least)))
	from := time.Now()
	r.service.Faults(r.plan.seed, 1, whileDown(r.plan.form.hangs)...)
	time.Sleep(time.Until(r.begun.Add(down.most)))
	r.serviceIsUp()
	r.note(incident{who: serviceName, kind: isDown, from: from})
}

// serviceIsUp lets the service answer, except for its usual faults.
func (r *disturbedRun) serviceIsUp() {
	r.service.Faults(r.plan.seed, faultProbability, serviceFaults(r.service.URL()+"/elsewhere")...)
}

// note records a disturbance that is over.
func (r *disturbedRun) note(over incident) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	over.to = time.Now()
	r.disturbances = append(r.disturbances, over)
}

// await submits a task, starts its workflow and waits for its outcome, whatever happens to the
// server.
func (r *disturbedRun) await(ctx context.Context, task plannedTask, outcome *taskOutcome) {
	if !pauseUntil(ctx, r.begun.Add(task.startAt)) {
		outcome.lastError = context.Cause(ctx)
		return
	}
	r.service.Script(task.id, task.script...)

	options := workflows.StartOptions(task.id)
	options.TaskQueue = taskQueue
	input := workflows.AwaitTaskResultInput{TaskID: task.id, Timeout: task.timeout, Polling: task.polling}
	r.execute(ctx, options, workflows.AwaitTaskResultWorkflow, input, &outcome.clientOutcome, &outcome.output)
}

// execute starts a workflow and waits for its outcome, whatever happens to the server.
func (r *disturbedRun) execute(
	ctx context.Context, options client.StartWorkflowOptions, workflowType string, input any,
	outcome *clientOutcome, output any,
) {
	for outcome.runID == "" {
		outcome.started++
		run, err := r.temporalClient.ExecuteWorkflow(ctx, options, workflowType, input)
		if err == nil {
			outcome.workflowID, outcome.runID = run.GetID(), run.GetRunID()
			break
		}
		outcome.lastError = fmt.Errorf("start: %w", err)
		if !pauseUntil(ctx, time.Now().Add(retryPause)) {
			return
		}
		// The server may have taken the start and lost its answer. A failed wait would then be
		// started over.
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	}
	for {
		err := r.temporalClient.GetWorkflow(ctx, outcome.workflowID, outcome.runID).Get(ctx, output)
		var ended *temporal.WorkflowExecutionError
		if err == nil || errors.As(err, &ended) {
			outcome.known, outcome.failure, outcome.lastError = true, err, nil
			return
		}
		outcome.lastError = fmt.Errorf("wait: %w", err)
		if !pauseUntil(ctx, time.Now().Add(retryPause)) {
			return
		}
	}
}

// wakeUp sends a wake-up once, as a webhook would. A wake-up that the server does not take is lost:
// it is only a hint.
func (r *disturbedRun) wakeUp(ctx context.Context, task plannedTask) {
	if !pauseUntil(ctx, r.begun.Add(task.startAt+task.wakeUpAt)) {
		return
	}
	err := r.temporalClient.SignalWorkflow(ctx, workflows.WorkflowID(task.id), "", workflows.TaskCallbackSignal,
		workflows.TaskCallback{TaskID: task.id})
	if err == nil {
		r.mutex.Lock()
		r.wakeUps++
		r.mutex.Unlock()
	}
}

// pauseUntil returns false if ctx ended before.
func pauseUntil(ctx context.Context, end time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(end)):
		return true
	}
}

// happened are the disturbances within that time, of the workers and the server, in their order.
func (r *disturbedRun) happened(from, to time.Time) []incident {
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
