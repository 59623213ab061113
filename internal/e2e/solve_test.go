package e2e

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	taskToSolve = `{"type": "TextCaptchaTask", "comment": "<2+2?> a-secret-of-the-task"}`
	costOfSolve = 22 // events of a task that is ready at its first poll
)

// startSolve starts SolveTask under an id of the test's own.
func startSolve(t *testing.T, temporalClient client.Client, taskQueue string, in workflows.SolveTaskInput) client.WorkflowRun {
	t.Helper()
	in.Task = json.RawMessage(taskToSolve)
	input, err := in.RawValue()
	require.NoError(t, err)
	options := workflows.SolveOptions(harness.NewTaskQueue())
	options.TaskQueue = taskQueue
	run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, workflows.SolveTaskWorkflow, input)
	require.NoError(t, err)
	return run
}

func solveStatusOf(t *testing.T, temporalClient client.Client, run client.WorkflowRun) workflows.SolveTaskStatus {
	t.Helper()
	answer, err := temporalClient.QueryWorkflow(harness.Context(t), run.GetID(), run.GetRunID(), workflows.StatusQuery)
	require.NoError(t, err)
	var status workflows.SolveTaskStatus
	require.NoError(t, answer.Get(&status))
	return status
}

// startSubmittable starts a service where the tasks that are submitted end with these answers, one
// after the other.
func startSubmittable(t *testing.T, answers ...simulator.Answer) *simulator.Server {
	t.Helper()
	next := make(chan simulator.Answer, len(answers))
	for _, answer := range answers {
		next <- answer
	}
	return harness.StartSimulatorWith(t, simulator.Options{
		CallbackTimeout: harness.Patience,
		NewTask: func(simulator.NewTask) simulator.Submission {
			return simulator.Submission{Answers: []simulator.Answer{<-next}}
		},
	})
}

func TestSolveTask(t *testing.T) {
	t.Parallel()
	service := startSubmittable(t, simulator.ReadyAfter(time.Second, `{"text":"4"}`))
	temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
	solver := harness.StartWorker(t, taskQueue, service.URL())

	run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{})
	var out workflows.SolveTaskOutput
	require.NoError(t, run.Get(harness.Context(t), &out))

	bought := service.Purchases()
	require.Len(t, bought, 1)
	require.Equal(t, bought[0].TaskID, out.TaskID)
	require.JSONEq(t, `{"text":"4"}`, string(out.Solution))
	require.JSONEq(t, taskToSolve, string(bought[0].Task.Task))
	require.Empty(t, bought[0].Task.CallbackURL)
	require.Len(t, service.RequestsFor(out.TaskID), 1)
	require.Equal(t, []int64{out.TaskID}, solveStatusOf(t, temporalClient, run).TaskIDs)
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.LessOrEqual(t, len(history), costOfSolve)
	require.NotContains(t, solver.Stderr()+solver.Stdout(), "a-secret-of-the-task")
	for _, event := range history {
		require.NotContains(t, string(event.GetUserMetadata().GetSummary().GetData()), "a-secret-of-the-task")
	}
}

func TestSolveTaskIsBoughtOnceUnderItsID(t *testing.T) {
	t.Parallel()
	service := startSubmittable(t, simulator.Error(twocaptcha.ErrorBadProxy))
	temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	options := workflows.SolveOptions(harness.NewTaskQueue())
	options.TaskQueue = taskQueue
	in := workflows.SolveTaskInput{Task: json.RawMessage(taskToSolve)}

	for range 3 { // while it runs, and after it has failed
		run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, workflows.SolveTaskWorkflow, in)
		require.NoError(t, err)
		err = run.Get(harness.Context(t), nil)
		require.Equal(t, twocaptcha.ErrorBadProxy, workflows.ErrorCode(err))
	}

	require.Len(t, service.Purchases(), 1)
}

func TestSolveTaskTakesAnotherAttempt(t *testing.T) {
	t.Parallel()
	service := startSubmittable(t, simulator.Error(twocaptcha.ErrorCaptchaUnsolvable), simulator.Ready(`{"text":"4"}`),
		simulator.Error(twocaptcha.ErrorCaptchaUnsolvable), simulator.Error(twocaptcha.ErrorCaptchaUnsolvable))
	temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())

	run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{Attempts: 2, InitialDelay: time.Millisecond})
	var out workflows.SolveTaskOutput
	require.NoError(t, run.Get(harness.Context(t), &out))

	require.Equal(t, 2, out.Attempts)
	require.Equal(t, 2, out.Polls)
	require.Len(t, out.TaskIDs, 2)
	require.Equal(t, out.TaskIDs[1], out.TaskID)

	run = startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{Attempts: 2, InitialDelay: time.Millisecond})
	err := run.Get(harness.Context(t), nil)

	require.Equal(t, twocaptcha.ErrorCaptchaUnsolvable, workflows.ErrorCode(err))
	details, ok := workflows.Details(err)
	require.True(t, ok)
	require.Equal(t, 2, details.Attempts)
	require.Len(t, details.TaskIDs, 2)
	require.Equal(t, details.TaskIDs[1], details.TaskID)
	require.Len(t, service.Purchases(), 4)
}

// startCalledSolver serves a task queue in this process, and takes callbacks.
func startCalledSolver(t *testing.T, temporalClient client.Client, apiURL string) (taskQueue string) {
	t.Helper()
	taskQueue = harness.NewTaskQueue()
	solver := worker.New(temporalClient, taskQueue, worker.Options{Plugins: []worker.Plugin{newCalledPlugin(t, temporalClient, apiURL)}})
	require.NoError(t, solver.Start())
	t.Cleanup(solver.Stop)
	return taskQueue
}

// newCalledPlugin is a provider with callbacks, which are taken in this process.
func newCalledPlugin(t *testing.T, temporalClient client.Client, apiURL string) worker.Plugin {
	t.Helper()
	handler, err := callback.NewHandler(callback.Options{Temporal: temporalClient, Secret: harness.CallbackSecret})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	plugin, err := provider.NewPlugin(provider.Config{
		ClientKey: harness.ClientKey, APIURL: apiURL, CallbackURL: server.URL, CallbackSecret: harness.CallbackSecret,
	})
	require.NoError(t, err)
	return plugin
}

// One request to createTask and one to getTaskResult, without anybody having asked for callbacks.
func TestSolveTaskIsCalledBackByDefault(t *testing.T) {
	t.Parallel()
	service := startSubmittable(t, simulator.ReadyAfter(2*time.Second, `{"text":"4"}`))
	temporalClient := harness.Dial(t)
	taskQueue := startCalledSolver(t, temporalClient, service.URL())

	run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{})
	var out workflows.SolveTaskOutput
	require.NoError(t, run.Get(harness.Context(t), &out))

	require.Len(t, service.Requests(), 2, "createTask and getTaskResult, once each")
	require.Len(t, service.Purchases(), 1)
	require.Equal(t, 1, out.Polls)
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.LessOrEqual(t, len(history), costOfSolve)
	require.Equal(t, 1, harness.CountOf(history, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED))
	for _, event := range history {
		data, err := event.Marshal()
		require.NoError(t, err)
		require.NotContains(t, string(data), harness.CallbackSecret)
		require.NotContains(t, string(data), service.Purchases()[0].Task.CallbackURL)
	}
}

// The answer was lost after the purchase, and the service's call names the task.
func TestSolveTaskWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	lost := simulator.DroppedConnection()
	service := harness.StartSimulatorWith(t, simulator.Options{
		CallbackTimeout: harness.Patience,
		NewTask: func(simulator.NewTask) simulator.Submission {
			return simulator.Submission{CreateAnswer: &lost, Answers: []simulator.Answer{simulator.ReadyAfter(2*time.Second, `{"text":"4"}`)}}
		},
	})
	temporalClient := harness.Dial(t)
	taskQueue := startCalledSolver(t, temporalClient, service.URL())

	run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{})
	var out workflows.SolveTaskOutput
	require.NoError(t, run.Get(harness.Context(t), &out))

	require.Len(t, service.Purchases(), 1)
	require.Equal(t, service.Purchases()[0].TaskID, out.TaskID)

	// Without an address nobody can tell.
	run = startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{DisableCallback: true})
	err := run.Get(harness.Context(t), nil)

	require.Equal(t, "CreateTaskOutcomeUnknown", workflows.ErrorCode(err))
	require.Len(t, service.Purchases(), 2)
}

// The answer of a createTask that is under way is taken, and is in the cancellation's details.
func TestSolveTaskIsCanceledWhileCreateTaskIsUnderWay(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	service := harness.StartSimulatorWith(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		close(begun)
		<-release
		return simulator.Submission{}
	}})
	temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{})
	<-begun

	require.NoError(t, temporalClient.CancelWorkflow(harness.Context(t), run.GetID(), run.GetRunID()))
	close(release)
	err := run.Get(harness.Context(t), nil)

	require.True(t, temporal.IsCanceledError(err), "%v", err)
	details, ok := workflows.Details(err)
	require.True(t, ok)
	bought := service.Purchases()[0].TaskID
	require.Equal(t, bought, details.TaskID)
	require.Equal(t, []int64{bought}, details.TaskIDs)
	status := solveStatusOf(t, temporalClient, run)
	require.Equal(t, workflows.StateCanceled, status.State)
	require.Equal(t, bought, status.TaskID)
	require.Equal(t, []int64{bought}, status.TaskIDs)
	value, err := temporalClient.QueryWorkflow(harness.Context(t), run.GetID(), run.GetRunID(), "__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, value.Get(&metadata))
	require.Contains(t, metadata.GetCurrentDetails(), fmt.Sprintf("Bought: %d", bought), "what the Web UI shows")
	require.Len(t, service.Requests(), 1, "the task is not waited for")
}

func TestAccountAndReportEndToEnd(t *testing.T) {
	t.Parallel()
	service := harness.StartSimulator(t)
	temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{InitialDelay: 2 * time.Second})
	var out workflows.SolveTaskOutput
	require.NoError(t, run.Get(harness.Context(t), &out))

	options := client.StartWorkflowOptions{TaskQueue: taskQueue}
	run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, workflows.CheckAccountWorkflow)
	require.NoError(t, err)
	var account workflows.CheckAccountOutput
	require.NoError(t, run.Get(harness.Context(t), &account))
	require.Equal(t, service.Balance(), account.Balance)

	options = workflows.ReportOptions(out.TaskID)
	options.TaskQueue = taskQueue
	report := workflows.ReportTaskInput{TaskID: out.TaskID}
	run, err = temporalClient.ExecuteWorkflow(harness.Context(t), options, workflows.ReportTaskWorkflow, report)
	require.NoError(t, err)
	var reported workflows.ReportTaskOutput
	require.NoError(t, run.Get(harness.Context(t), &reported))
	require.Equal(t, workflows.ReportTaskOutput{TaskID: out.TaskID, Status: "success"}, reported)
}
