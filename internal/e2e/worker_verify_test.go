package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// verify runs worker verify to its end, with nothing but the server's address.
func verify(t *testing.T, path, address string, arguments ...string) harness.Finished {
	t.Helper()
	return verifyWith(t, path, []string{"TEMPORAL_ADDRESS=" + address}, arguments...)
}

func verifyWith(t *testing.T, path string, environment []string, arguments ...string) harness.Finished {
	t.Helper()
	return harness.StartProcess(t, harness.Command{
		Path: path, Arguments: append([]string{"verify"}, arguments...), Environment: environment,
	}).Wait(t)
}

// lastLine is how many executions worker verify replayed.
func lastLine(replayed, broken, leftOut int) string {
	return fmt.Sprintf("%d executions replayed, %d would break, %d left out because they had not begun", replayed, broken, leftOut)
}

// waitForVisible returns once the server lists as many executions that fit the query.
func waitForVisible(t *testing.T, temporalClient client.Client, query string, count int) {
	t.Helper()
	ctx := harness.Context(t)
	require.Eventually(t, func() bool {
		counted, err := temporalClient.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		return err == nil && counted.GetCount() == int64(count)
	}, harness.Patience, 50*time.Millisecond, "%d executions with %s", count, query)
}

// beginsOtherwise is an event that no history has.
const beginsOtherwise = "	_ = workflow.SideEffect(ctx, func(workflow.Context) any { return 1 })\n"

// TestVerify has executions at every kind of moment, and builds that can go on with all of them, or
// with none.
func TestVerify(t *testing.T) {
	t.Parallel()
	server := harness.StartServer(t, devserver.Options{DynamicConfig: []string{"limit.historyCount.suggestContinueAsNew=12"}})
	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	service := startSubmittable(t, simulator.Ready(newTaskSolution))

	require.Equal(t, harness.Finished{Stdout: lastLine(0, 0, 0) + "\n"}, verify(t, harness.WorkerPath(), server.Address()),
		"nothing to replay is no fault")

	taskQueue := harness.NewTaskQueue()
	serving := harness.StartWorkerOn(t, server.Address(), taskQueue, service.URL())
	ctx := harness.Context(t)
	start := func(in workflows.AwaitTaskResultInput) client.WorkflowRun {
		return harness.StartWait(t, temporalClient, taskQueue, in)
	}
	// Those that close, one of them after it has continued as new.
	ready, failed, continued := harness.NewTaskID(), harness.NewTaskID(), harness.NewTaskID()
	service.Script(ready, simulator.Ready(`{"text":"abc"}`))
	service.Script(failed, simulator.Body(`{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE"}`))
	service.Script(continued, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	require.NoError(t, start(harness.Soon(ready)).Get(ctx, nil))
	require.Error(t, start(harness.Soon(failed)).Get(ctx, nil))
	require.NoError(t, start(harness.Soon(continued)).Get(ctx, nil))
	require.NoError(t, startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{}).Get(ctx, nil))
	canceled, terminated, reset := start(harness.Asleep(harness.NewTaskID())), start(harness.Asleep(harness.NewTaskID())), start(harness.Asleep(harness.NewTaskID()))
	// Those that stay open.
	open := []client.WorkflowRun{start(harness.Asleep(harness.NewTaskID())), start(harness.UntilCalledBack(harness.NewTaskID()))}
	for _, run := range append([]client.WorkflowRun{canceled, terminated, reset}, open...) {
		require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, temporalClient, run).State)
	}
	require.NoError(t, temporalClient.CancelWorkflow(ctx, canceled.GetID(), ""))
	require.Error(t, canceled.Get(ctx, nil))
	require.NoError(t, temporalClient.TerminateWorkflow(ctx, terminated.GetID(), "", "for a test"))
	again, err := temporalClient.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowTaskFinishEventId: 4, RequestId: "reset", Reason: "for a test",
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: reset.GetID(), RunId: reset.GetRunID()},
	})
	require.NoError(t, err)
	repeated := temporalClient.GetWorkflow(ctx, reset.GetID(), again.GetRunId())
	open = append(open, repeated)
	require.Equal(t, harness.StatusOf(t, temporalClient, reset), harness.StatusOf(t, temporalClient, repeated),
		"a Reset moves no deadline")

	serving.Signal(t, syscall.SIGTERM)
	require.Equal(t, 0, serving.Wait(t).Status)
	notBegun := start(harness.Asleep(harness.NewTaskID()))
	waitForVisible(t, temporalClient, "CloseTime IS NULL", len(open)+1)
	listed, err := temporalClient.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(t, err)
	replayed, hasContinued := map[string]bool{}, false // by run id
	for _, execution := range listed.GetExecutions() {
		hasContinued = hasContinued || execution.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
		if runID := execution.GetExecution().GetRunId(); runID != notBegun.GetRunID() {
			replayed[runID] = true
		}
	}
	require.True(t, hasContinued)
	require.GreaterOrEqual(t, len(replayed), 11)

	t.Run("this build goes on with all of them", func(t *testing.T) {
		require.Equal(t, harness.Finished{Stdout: lastLine(len(replayed), 0, 1) + "\n"}, verify(t, harness.WorkerPath(), server.Address()))
	})
	t.Run("open ones come first", func(t *testing.T) {
		done := verify(t, harness.WorkerPath(), server.Address(), "--limit", "2")
		require.Equal(t, harness.Finished{Stdout: lastLine(2, 0, 1) + "; --limit is 2, and there may be more\n"}, done)
	})
	t.Run("closed ones only since then", func(t *testing.T) {
		done := verify(t, harness.WorkerPath(), server.Address(), "--since", "1ms")
		require.Equal(t, harness.Finished{Stdout: lastLine(len(open), 0, 1) + "\n"}, done)
	})
	t.Run("a build that would break all of them", func(t *testing.T) {
		broken := buildWorker(t,
			change{"workflows/await_task_result.go", "	w := newWait(in, workflow", beginsOtherwise + "	w := newWait(in, workflow"},
			change{"workflows/solve_task.go", "	s := newSolve(in, info", beginsOtherwise + "	s := newSolve(in, info"},
		)
		done := verify(t, broken, server.Address())
		require.Equal(t, 1, done.Status, done.Stderr)
		lines := strings.Split(strings.TrimSpace(done.Stdout), "\n")
		require.Equal(t, lastLine(len(replayed), len(replayed), 1), lines[len(lines)-1])
		named := map[string]bool{}
		for _, line := range lines[:len(lines)-1] {
			parts := regexp.MustCompile(`^2captcha-(?:task|solve)-\S+ ([0-9a-f-]{36}) \S.*TMPRL1100.*$`).FindStringSubmatch(line)
			require.Len(t, parts, 2, line)
			named[parts[1]] = true
		}
		require.Equal(t, replayed, named)
		require.Equal(t, "worker: this build would break executions: don't roll it out\n", done.Stderr)
		require.NotContains(t, done.Stdout, "a-secret-of-the-task")
	})
	t.Run("a namespace that does not exist", func(t *testing.T) {
		done := verifyWith(t, harness.WorkerPath(), []string{"TEMPORAL_ADDRESS=" + server.Address(), "TEMPORAL_NAMESPACE=elsewhere"})
		require.Equal(t, 1, done.Status)
		require.Contains(t, done.Stderr, `refuses to tell of namespace "elsewhere": set TEMPORAL_NAMESPACE`)
	})
	t.Run("workflows that wait inline", func(t *testing.T) {
		type definition = func(workflow.Context, workflows.AwaitTaskResultInput) (workflows.AwaitTaskResultOutput, error)
		waits := func(ctx workflow.Context, in workflows.AwaitTaskResultInput) (workflows.AwaitTaskResultOutput, error) {
			return workflows.Await(ctx, in)
		}
		naps := func(ctx workflow.Context, in workflows.AwaitTaskResultInput) (workflows.AwaitTaskResultOutput, error) {
			return workflows.AwaitTaskResultOutput{}, workflow.Sleep(ctx, time.Hour)
		}
		theirs := harness.NewTaskQueue()
		w := worker.New(temporalClient, theirs, worker.Options{})
		w.RegisterWorkflowWithOptions(waits, workflow.RegisterOptions{Name: "it's theirs"})
		require.NoError(t, provider.Register(w, provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()}))
		require.NoError(t, w.Start())
		defer w.Stop()
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
		run, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "order-17", TaskQueue: theirs}, "it's theirs", harness.Soon(taskID))
		require.NoError(t, err)
		require.NoError(t, run.Get(ctx, nil))
		waitForVisible(t, temporalClient, "WorkflowId = 'order-17' AND ExecutionStatus = 'Completed'", 1)

		report, err := provider.Verify(ctx, temporalClient, provider.VerifyOptions{Workflows: map[string]any{"it's theirs": definition(waits)}})
		require.NoError(t, err)
		require.Equal(t, provider.VerifyReport{Replayed: len(replayed) + 1, LeftOut: 1}, report)
		report, err = provider.Verify(ctx, temporalClient, provider.VerifyOptions{Workflows: map[string]any{"it's theirs": definition(naps)}})
		require.NoError(t, err)
		require.Len(t, report.Broken, 1)
		require.Equal(t, run.GetID()+run.GetRunID(), report.Broken[0].WorkflowID+report.Broken[0].RunID)
	})
}

func TestVerifyThatIsInterrupted(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	var once sync.Once
	address := harness.StartGateway(t, "ListWorkflowExecutions", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		once.Do(func() { close(asked) })
		<-r.Context().Done()
	})
	process := harness.StartProcess(t, harness.Command{
		Path: harness.WorkerPath(), Arguments: []string{"verify"}, Environment: []string{"TEMPORAL_ADDRESS=" + address},
	})
	<-asked
	process.Signal(t, syscall.SIGINT)
	done := process.Wait(t)
	require.Equal(t, 130, done.Status)
	require.Equal(t, "worker: interrupted before everything was replayed\n", done.Stderr)
}

// TestVerifyByACodecServer needs the codec server that the workers have.
func TestVerifyByACodecServer(t *testing.T) {
	t.Parallel()
	f := newEncryptedFixture(t)
	taskID := harness.NewTaskID()
	f.service.Script(taskID, simulator.Ready(`{"text":"a-secret-solution"}`))
	done := f.start(t, fmt.Sprint(taskID)).Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	waitForVisible(t, f.temporalClient, "ExecutionStatus = 'Completed'", 1)

	done = verifyWith(t, harness.WorkerPath(), f.starter)
	require.Equal(t, harness.Finished{Stdout: lastLine(1, 0, 0) + "\n"}, done)

	f.codec.away.Store(true)
	done = verifyWith(t, harness.WorkerPath(), f.starter)
	require.Equal(t, 1, done.Status)
	require.Contains(t, done.Stdout, "the codec server at ")
	require.NotContains(t, done.Stdout, codecAuth)
}
