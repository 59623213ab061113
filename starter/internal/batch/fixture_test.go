package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// fakeTemporal is a server whose workflows end when a test says so. Methods that it does not
// implement panic.
type fakeTemporal struct {
	client.Client

	mutex        sync.Mutex
	runs         map[string]*fakeRun // by run id
	resets       map[string]int      // by workflow id
	starts       []client.StartWorkflowOptions
	inputs       []workflows.AwaitTaskResultInput
	arguments    []any                                // of the other starts
	statuses     map[string]workflows.SolveTaskStatus // by workflow id; without one a query is not answered
	queryFail    error
	startFails   func(taskID int64) error // nil: every start succeeds
	getFails     func() error             // nil: every result can be read
	waits        int                      // under way
	mostWaits    int
	pollers      int
	version      *deploymentpb.WorkerDeploymentOptions // of the pollers
	describeFail error
}

type fakeRun struct {
	ended  chan struct{}
	output any
	err    error
}

func newFakeTemporal() *fakeTemporal {
	return &fakeTemporal{runs: map[string]*fakeRun{}, resets: map[string]int{}, pollers: 1}
}

func (f *fakeTemporal) ExecuteWorkflow(_ context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error) {
	if len(args) > 1 || strings.HasPrefix(options.ID, "2captcha-task-") != (workflow == workflows.AwaitTaskResultWorkflow) {
		return nil, fmt.Errorf("started %v with %v", workflow, args)
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.starts = append(f.starts, options)
	var input workflows.AwaitTaskResultInput
	if workflow == workflows.AwaitTaskResultWorkflow {
		input = args[0].(workflows.AwaitTaskResultInput)
		f.inputs = append(f.inputs, input)
	} else {
		f.arguments = append(f.arguments, args...)
	}
	if f.startFails != nil {
		if err := f.startFails(input.TaskID); err != nil {
			return nil, err
		}
	}
	current := f.currentRunID(options.ID)
	if _, exists := f.runs[current]; exists {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "", current)
	}
	f.run(current)
	return fakeHandle{runID: current}, nil
}

func (f *fakeTemporal) GetWorkflow(_ context.Context, workflowID, runID string) client.WorkflowRun {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.runs[runID] == nil {
		panic("a wait for a run of " + workflowID + " that was not started: " + runID)
	}
	return fakeHandle{server: f, runID: runID}
}

func (f *fakeTemporal) DescribeWorkflow(_ context.Context, workflowID, _ string) (*client.WorkflowExecutionDescription, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	description := &client.WorkflowExecutionDescription{}
	description.WorkflowExecution.RunID = f.currentRunID(workflowID)
	return description, f.describeFail
}

func (f *fakeTemporal) DescribeTaskQueue(context.Context, string, enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	described := &workflowservice.DescribeTaskQueueResponse{}
	for range f.pollers {
		described.Pollers = append(described.Pollers, &taskqueuepb.PollerInfo{DeploymentOptions: f.version})
	}
	return described, f.describeFail
}

// end ends the task's workflow, even if it was not started yet.
func (f *fakeTemporal) end(taskID int64, err error) {
	f.endWorkflow(workflows.WorkflowID(taskID), workflows.AwaitTaskResultOutput{
		TaskID:     taskID,
		TaskResult: twocaptcha.TaskResult{Status: "ready", Solution: json.RawMessage(`"a"`)},
		Polls:      2,
	}, err)
}

func (f *fakeTemporal) endWorkflow(workflowID string, output any, err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	run := f.run(f.currentRunID(workflowID))
	run.output, run.err = output, err
	close(run.ended)
}

func (f *fakeTemporal) QueryWorkflow(_ context.Context, workflowID, _, query string, _ ...any) (converter.EncodedValue, error) {
	status, found := f.statuses[workflowID]
	if !found || query != workflows.StatusQuery {
		return nil, cmp.Or(f.queryFail, error(serviceerror.NewQueryFailed("no worker answers")))
	}
	return answer{status}, nil
}

// answer is a query's.
type answer struct{ status workflows.SolveTaskStatus }

func (a answer) HasValue() bool { return true }

func (a answer) Get(into any) error {
	*into.(*workflows.SolveTaskStatus) = a.status
	return nil
}

// reset ends the task's workflow as a Reset does: it goes on in another run.
func (f *fakeTemporal) reset(taskID int64) {
	f.end(taskID, ended(&temporal.TerminatedError{}))
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.resets[workflows.WorkflowID(taskID)]++
	f.run(f.currentRunID(workflows.WorkflowID(taskID)))
}

// currentRunID, as run, is called with the mutex held.
func (f *fakeTemporal) currentRunID(workflowID string) string {
	if resets := f.resets[workflowID]; resets > 0 {
		return fmt.Sprintf("run of %s after reset %d", workflowID, resets)
	}
	return "run of " + workflowID
}

func (f *fakeTemporal) run(runID string) *fakeRun {
	if f.runs[runID] == nil {
		f.runs[runID] = &fakeRun{ended: make(chan struct{})}
	}
	return f.runs[runID]
}

type fakeHandle struct {
	client.WorkflowRun
	server *fakeTemporal
	runID  string
}

func (h fakeHandle) GetRunID() string { return h.runID }

func (h fakeHandle) Get(ctx context.Context, result any) error {
	h.server.mutex.Lock()
	run := h.server.run(h.runID)
	h.server.waits++
	h.server.mostWaits = max(h.server.mostWaits, h.server.waits)
	h.server.mutex.Unlock()
	defer func() {
		h.server.mutex.Lock()
		defer h.server.mutex.Unlock()
		h.server.waits--
	}()
	select {
	case <-ctx.Done():
		return serviceerror.NewCanceled("the caller has gone")
	case <-run.ended:
	}
	if run.err != nil {
		return run.err
	}
	if h.server.getFails != nil {
		if err := h.server.getFails(); err != nil {
			return err
		}
	}
	reflect.ValueOf(result).Elem().Set(reflect.ValueOf(run.output))
	return nil
}

// recorder is an observer that keeps what it is told.
type recorder struct {
	mutex sync.Mutex
	lines []string // of standard output
	said  []string
	fail  error // of standard output
}

func (r *recorder) Begun(Wait)          {}
func (r *recorder) Ended(Wait, Outcome) {}

func (r *recorder) Result(line []byte) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.lines = append(r.lines, strings.TrimSuffix(string(line), "\n"))
	return r.fail
}

func (r *recorder) Say(format string, values ...any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, values...))
}

func (r *recorder) results() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]string(nil), r.lines...)
}
