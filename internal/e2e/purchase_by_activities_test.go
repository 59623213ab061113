package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const boughtTask = `{"type":"TextCaptchaTask","comment":"2+2?"}`

// startTeam serves a task queue with a team's own workflow, and what plugins bring.
func startTeam(t *testing.T, temporalClient client.Client, definition any, plugins ...worker.Plugin) (taskQueue string) {
	t.Helper()
	taskQueue = harness.NewTaskQueue()
	team := worker.New(temporalClient, taskQueue, worker.Options{Plugins: plugins})
	team.RegisterWorkflowWithOptions(definition, workflow.RegisterOptions{Name: "team"})
	require.NoError(t, team.Start())
	t.Cleanup(team.Stop)
	return taskQueue
}

func startTeamsWorkflow(t *testing.T, temporalClient client.Client, taskQueue string, input any) client.WorkflowRun {
	t.Helper()
	run, err := temporalClient.ExecuteWorkflow(harness.Context(t), client.StartWorkflowOptions{TaskQueue: taskQueue}, "team", input)
	require.NoError(t, err)
	return run
}

// every calls every method by its name, and returns what each answered.
func every(ctx workflow.Context, taskQueue string) (map[string]any, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: taskQueue, StartToCloseTimeout: 30 * time.Second})
	answers := map[string]any{}
	var taskID json.RawMessage
	for _, method := range []string{"createTask", "getTaskResult", "reportCorrect", "getBalance"} {
		input := map[string]any{"taskId": taskID}
		switch method {
		case "createTask":
			input = map[string]any{"task": json.RawMessage(boughtTask)}
		case "getBalance":
			input = map[string]any{}
		}
		var answer map[string]json.RawMessage
		if err := workflow.ExecuteActivity(ctx, method, input).Get(ctx, &answer); err != nil {
			return nil, err
		}
		if method == "createTask" {
			taskID = answer["taskId"]
		}
		answers[method] = answer
	}
	return answers, nil
}

func TestEveryMethodByItsName(t *testing.T) {
	t.Parallel()
	service := harness.StartSimulatorWith(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		return simulator.Submission{Answers: []simulator.Answer{simulator.Ready(`{"text":"4"}`)}}
	}})
	temporalClient, methods := harness.Dial(t), harness.NewTaskQueue()
	harness.StartWorker(t, methods, service.URL())
	run := startTeamsWorkflow(t, temporalClient, startTeam(t, temporalClient, every), methods)

	var answers map[string]map[string]any
	require.NoError(t, run.Get(harness.Context(t), &answers))

	require.Len(t, service.Purchases(), 1)
	id := float64(service.Purchases()[0].TaskID)
	require.Equal(t, map[string]any{"taskId": id}, answers["createTask"])
	require.Equal(t, "ready", answers["getTaskResult"]["status"])
	require.Equal(t, map[string]any{"taskId": id, "status": "success"}, answers["reportCorrect"])
	require.Equal(t, map[string]any{"balance": "9999.99701"}, answers["getBalance"])
	history := harness.ClosedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.Equal(t, 4, harness.CountOf(history.Events, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED))
	require.Equal(t, 4, harness.CountOf(history.Events, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED))
}

// buyEagerly calls createTask under a policy that would repeat it soon and often.
func buyEagerly(ctx workflow.Context, taskQueue string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: taskQueue, StartToCloseTimeout: 3 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1},
	})
	err := workflow.ExecuteActivity(ctx, "createTask", map[string]any{"task": json.RawMessage(boughtTask)}).Get(ctx, nil)
	return workflows.ErrorCode(err), nil
}

func TestWorkerKilledWithAPurchaseUnderWay(t *testing.T) {
	t.Parallel()
	stalled := simulator.Stalled(0)
	service := harness.StartSimulatorWith(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		return simulator.Submission{CreateAnswer: &stalled}
	}})
	temporalClient, methods := harness.Dial(t), harness.NewTaskQueue()
	killed := harness.StartWorker(t, methods, service.URL())
	run := startTeamsWorkflow(t, temporalClient, startTeam(t, temporalClient, buyEagerly), methods)
	require.Eventually(t, func() bool { return len(service.Purchases()) == 1 }, harness.Patience, 10*time.Millisecond)
	killed.Signal(t, syscall.SIGKILL)
	harness.StartWorker(t, methods, service.URL())

	var outcome string
	require.NoError(t, run.Get(harness.Context(t), &outcome))

	require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, outcome)
	require.Len(t, service.Requests(), 1, "the second attempt finds the mark, and sends nothing")
}

// submitted is what a workflow learns of its submission.
type submitted struct {
	Output   submission.Output
	Mark     submission.Mark // of an attempt that was lost
	Signal   workflows.TaskCallback
	TimedOut bool
}

// submitOnce submits as SolveTask does, but with little time for the attempt.
func submitOnce(ctx workflow.Context, originalRunID string) (submitted, error) {
	info := workflow.GetInfo(ctx)
	if originalRunID == "" {
		originalRunID = info.OriginalRunID
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 3 * time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	in := submission.Input{
		Task: json.RawMessage(boughtTask), Submission: "run-1", Callback: true, OriginalRunID: originalRunID, WorkflowAttempt: info.Attempt,
	}
	var learned submitted
	err := workflow.ExecuteActivity(ctx, activities.SubmitTaskActivity, in).Get(ctx, &learned.Output)
	var timeout *temporal.TimeoutError
	if !temporal.IsTimeoutError(err) {
		return learned, err
	}
	_ = errors.As(err, &timeout)
	learned.TimedOut = true
	if timeout.HasLastHeartbeatDetails() {
		if err := timeout.LastHeartbeatDetails(&learned.Mark); err != nil {
			return learned, err
		}
	}
	workflow.GetSignalChannel(ctx, workflows.TaskCallbackSignal).Receive(ctx, &learned.Signal)
	return learned, nil
}

// TestSubmissionWhoseAnswerMeetsAnOutage cuts the worker off the server when the task is bought,
// until the attempt has timed out.
func TestSubmissionWhoseAnswerMeetsAnOutage(t *testing.T) {
	t.Parallel()
	way := startWay(t, harness.Address())
	service := harness.StartSimulatorWith(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		way.cut()
		return simulator.Submission{}
	}})
	temporalClient := harness.Dial(t)
	workersClient := harness.DialWith(t, client.Options{HostPort: way.listener.Addr().String()})
	plugin, err := provider.NewPlugin(provider.Config{
		ClientKey: harness.ClientKey, APIURL: service.URL(),
		CallbackURL: "http://127.0.0.1:1/2captcha", CallbackSecret: harness.CallbackSecret,
	})
	require.NoError(t, err)
	taskQueue := startTeam(t, workersClient, submitOnce, plugin)
	run := startTeamsWorkflow(t, temporalClient, taskQueue, "")
	require.Eventually(t, func() bool {
		history, err := harness.History(harness.Context(t), temporalClient, run.GetID(), run.GetRunID(), false)
		return err == nil && harness.CountOf(history.Events, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT) == 1
	}, harness.Patience, 100*time.Millisecond)
	way.mend()

	var learned submitted
	require.NoError(t, run.Get(harness.Context(t), &learned))

	require.Equal(t, submitted{
		TimedOut: true, Mark: submission.Mark{Submission: "run-1", Callback: true},
		Signal: workflows.TaskCallback{TaskID: service.Purchases()[0].TaskID, Submission: "run-1"},
	}, learned)
	require.Len(t, service.Purchases(), 1)
	require.Regexp(t, `^http://127\.0\.0\.1:1/2captcha/submission\.`, service.Purchases()[0].Task.CallbackURL)
}

// way carries connections to a server, and can be cut.
type way struct {
	listener net.Listener
	mutex    sync.Mutex
	isCut    bool
	open     []net.Conn
}

func startWay(t *testing.T, address string) *way {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &way{listener: listener}
	t.Cleanup(func() {
		listener.Close()
		w.cut()
	})
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", address)
			if err != nil || !w.keep(from, to) {
				from.Close()
				continue
			}
			go func() { _, _ = io.Copy(to, from) }()
			go func() { _, _ = io.Copy(from, to) }()
		}
	}()
	return w
}

// keep notes a connection's two ends, or closes the second one if the way is cut.
func (w *way) keep(from, to net.Conn) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.isCut {
		to.Close()
		return false
	}
	w.open = append(w.open, from, to)
	return true
}

func (w *way) cut() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.isCut = true
	for _, each := range w.open {
		each.Close()
	}
	w.open = nil
}

func (w *way) mend() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.isCut = false
}

func TestSubmissionInTimeCostsNoEvent(t *testing.T) {
	t.Parallel()
	service, temporalClient := harness.StartSimulator(t), harness.Dial(t)
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()})
	require.NoError(t, err)
	taskQueue := startTeam(t, temporalClient, submitOnce, plugin)
	run := startTeamsWorkflow(t, temporalClient, taskQueue, "")

	var learned submitted
	require.NoError(t, run.Get(harness.Context(t), &learned))

	require.Equal(t, submitted{Output: submission.Output{TaskID: service.Purchases()[0].TaskID}}, learned)
	history := harness.ClosedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.Len(t, history.Events, 11, "as for any activity")

	run = startTeamsWorkflow(t, temporalClient, taskQueue, "another run")
	require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, workflows.ErrorCode(run.Get(harness.Context(t), nil)))
	require.Len(t, service.Purchases(), 1)
}
