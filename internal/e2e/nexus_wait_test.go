package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/nexusservice"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// nexusSetup is a provider's worker, and workflows that reach it through an endpoint.
type nexusSetup struct {
	service   *simulator.Server
	provider  client.Client // of the namespace where the provider's worker is
	taskQueue string        // of that worker
	namespace string        // of the callers
	callers   client.Client // of that namespace
	queue     string        // of the callers
	endpoint  string
}

// eachNexusSetup runs the test with callers in another namespace, and with callers in the
// provider's own, whose endpoint leads back.
func eachNexusSetup(t *testing.T, start func(*testing.T) *simulator.Server, run func(t *testing.T, n nexusSetup)) {
	t.Helper()
	newNamespace(t)
	for name, namespace := range map[string]string{
		"two namespaces": strings.ToLower(t.Name()), "one namespace": client.DefaultNamespace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, startNexus(t, start(t), harness.Address(), namespace))
		})
	}
}

// newNexusSetup has the callers in a namespace of the test's own.
func newNexusSetup(t *testing.T, service *simulator.Server) nexusSetup {
	t.Helper()
	newNamespace(t)
	return startNexus(t, service, harness.Address(), strings.ToLower(t.Name()))
}

// startNexus has the worker reach the server at that address.
func startNexus(t *testing.T, service *simulator.Server, address, namespace string) nexusSetup {
	t.Helper()
	n := nexusSetup{
		service: service, provider: harness.Dial(t), taskQueue: harness.NewTaskQueue(), namespace: namespace,
		callers: harness.DialWith(t, client.Options{HostPort: harness.Address(), Namespace: namespace}),
	}
	harness.StartWorkerOn(t, address, n.taskQueue, service.URL())
	n.endpoint = harness.NewEndpoint(t, n.provider, client.DefaultNamespace, n.taskQueue)
	n.queue = harness.StartCallers(t, n.callers)
	return n
}

// call starts a workflow that calls the operation.
func (n nexusSetup) call(
	t *testing.T, operation, input string, cancellation workflow.NexusOperationCancellationType,
) client.WorkflowRun {
	t.Helper()
	call := harness.NexusCall{Endpoint: n.endpoint, Operation: operation, Input: input, Cancellation: cancellation}
	run, err := n.callers.ExecuteWorkflow(harness.Context(t), client.StartWorkflowOptions{TaskQueue: n.queue},
		harness.CallByNexus, call)
	require.NoError(t, err)
	return run
}

// awaits starts a workflow that waits for the task as the docs say.
func (n nexusSetup) awaits(t *testing.T, input string) client.WorkflowRun {
	t.Helper()
	return n.call(t, nexusservice.AwaitTaskResultOperation, input, workflow.NexusOperationCancellationTypeTryCancel)
}

// waitForCallers returns once so many callers have attached to the running wait. The one that began
// the wait is not among them.
func (n nexusSetup) waitForCallers(t *testing.T, taskID int64, callers int) {
	t.Helper()
	types := make([]enumspb.EventType, callers)
	for i := range types {
		types[i] = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED
	}
	harness.WaitForEvents(t, n.provider, taskID, types...)
}

// waitForOperation returns once the caller's operation has begun.
func (n nexusSetup) waitForOperation(t *testing.T, caller client.WorkflowRun) *historypb.HistoryEvent {
	t.Helper()
	return harness.WaitForEventsOf(t, n.callers, caller.GetID(), caller.GetRunID(), enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED)
}

func (n nexusSetup) waitOf(t *testing.T, taskID int64) client.WorkflowRun {
	t.Helper()
	return n.provider.GetWorkflow(harness.Context(t), workflows.WorkflowID(taskID), "")
}

func requireSolution(t *testing.T, caller client.WorkflowRun, solution string) {
	t.Helper()
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, caller.Get(harness.Context(t), &output))
	require.JSONEq(t, solution, string(output.Solution))
}

// requireNexusError requires what a caller failed with, which keeps its type, its message and its
// details.
func requireNexusError(t *testing.T, caller client.WorkflowRun, code, says string) (details workflows.ErrorDetails) {
	t.Helper()
	err := caller.Get(harness.Context(t), nil)
	require.Equal(t, code, workflows.ErrorCode(err), "%v", err)
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Contains(t, failure.Message(), says)
	require.True(t, failure.NonRetryable())
	details, ok := workflows.Details(err)
	require.True(t, ok, "%v", err)
	return details
}

// asleep is the JSON of a wait that polls when it is woken up.
func asleep(taskID int64) string {
	return fmt.Sprintf(`{"taskId": %d, "initialDelay": "1h", "timeout": "2h"}`, taskID)
}

func soon(taskID int64) string {
	return fmt.Sprintf(`{"taskId": %d, "initialDelay": "1ms"}`, taskID)
}

func TestNexusCallersShareAWait(t *testing.T) {
	t.Parallel()
	eachNexusSetup(t, harness.StartSimulator, func(t *testing.T, n nexusSetup) {
		t.Run("that the starter began", func(t *testing.T) {
			t.Parallel()
			taskID := harness.NewTaskID()
			n.service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
			done := harness.RunStarter(t, n.taskQueue, "--detach", "--initial-delay", "1h", "--timeout", "2h", fmt.Sprint(taskID))
			require.Equal(t, 0, done.Status, done.Stderr)
			first, second := n.awaits(t, soon(taskID)), n.awaits(t, soon(taskID))
			n.waitForCallers(t, taskID, 2)
			require.Empty(t, n.service.RequestsFor(taskID), "a caller that attaches takes over the wait's settings")
			harness.WakeUp(t, n.provider, n.waitOf(t, taskID), taskID)

			requireSolution(t, first, `{"text":"abc"}`)
			requireSolution(t, second, `{"text":"abc"}`)
			require.Len(t, n.service.RequestsFor(taskID), 1)
		})
		t.Run("that one of them began", func(t *testing.T) {
			t.Parallel()
			taskID := harness.NewTaskID()
			n.service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
			first := n.awaits(t, asleep(taskID))
			n.waitForOperation(t, first)
			second := n.awaits(t, asleep(taskID))
			n.waitForCallers(t, taskID, 1)
			harness.WakeUp(t, n.provider, n.waitOf(t, taskID), taskID)

			requireSolution(t, first, `{"text":"abc"}`)
			requireSolution(t, second, `{"text":"abc"}`)
			require.Len(t, n.service.RequestsFor(taskID), 1)
		})
	})
}

func TestNexusCallerThatIsCanceledLeavesTheWaitToTheOthers(t *testing.T) {
	t.Parallel()
	eachNexusSetup(t, harness.StartSimulator, func(t *testing.T, n nexusSetup) {
		taskID := harness.NewTaskID()
		n.service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
		starts := n.awaits(t, asleep(taskID))
		n.waitForOperation(t, starts)
		attaches := n.awaits(t, asleep(taskID))
		waitsOn := n.call(t, nexusservice.AwaitTaskResultOperation, asleep(taskID), workflow.NexusOperationCancellationTypeWaitCompleted)
		n.waitForCallers(t, taskID, 2)
		n.waitForOperation(t, waitsOn)
		for _, caller := range []client.WorkflowRun{starts, waitsOn} {
			require.NoError(t, n.callers.CancelWorkflow(harness.Context(t), caller.GetID(), caller.GetRunID()))
		}
		require.Equal(t, workflows.Canceled, workflows.ErrorCode(starts.Get(harness.Context(t), nil)))
		harness.WaitForEventsOf(t, n.callers, waitsOn.GetID(), waitsOn.GetRunID(),
			enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED)
		require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, n.provider, n.waitOf(t, taskID)).State)
		harness.WakeUp(t, n.provider, n.waitOf(t, taskID), taskID)

		requireSolution(t, attaches, `{"text":"abc"}`)
		requireSolution(t, waitsOn, `{"text":"abc"}`)
	})
}

func TestNexusCallerAfterTheWait(t *testing.T) {
	t.Parallel()
	eachNexusSetup(t, harness.StartSimulator, func(t *testing.T, n nexusSetup) {
		t.Run("gets the result at once", func(t *testing.T) {
			t.Parallel()
			taskID := harness.NewTaskID()
			n.service.Script(taskID, simulator.Ready(`{"text":"<a&b>"}`))
			requireSolution(t, n.awaits(t, soon(taskID)), `{"text":"<a&b>"}`)
			after := n.awaits(t, soon(taskID))
			requireSolution(t, after, `{"text":"<a&b>"}`)

			require.Len(t, n.service.RequestsFor(taskID), 1)
			history := harness.ClosedHistory(t, n.callers, after.GetID(), after.GetRunID()).GetEvents()
			require.Zero(t, harness.CountOf(history, enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED), "it is asynchronous")
			for _, event := range history {
				if event.GetEventType() == enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED {
					require.Len(t, event.GetLinks(), 1)
					require.Equal(t, workflows.WorkflowID(taskID), event.GetLinks()[0].GetWorkflowEvent().GetWorkflowId())
					require.Equal(t, client.DefaultNamespace, event.GetLinks()[0].GetWorkflowEvent().GetNamespace())
				}
			}
		})
		t.Run("starts a failed one over", func(t *testing.T) {
			t.Parallel()
			taskID := harness.NewTaskID()
			n.service.Script(taskID, simulator.Error(twocaptcha.ErrorCaptchaUnsolvable), simulator.Ready(`{"text":"abc"}`))
			details := requireNexusError(t, n.awaits(t, soon(taskID)), twocaptcha.ErrorCaptchaUnsolvable, fmt.Sprintf("task %d: ", taskID))
			require.Equal(t, taskID, details.TaskID)
			require.Equal(t, 1, details.Polls)
			requireSolution(t, n.awaits(t, soon(taskID)), `{"text":"abc"}`)
			require.Len(t, n.service.RequestsFor(taskID), 2)
		})
	})
}

// The dev server attaches 32 callers to a workflow.
func TestNexusCallerTooMany(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, harness.StartSimulator(t))
	const limit = 32
	taskID, other := harness.NewTaskID(), harness.NewTaskID()
	n.service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	n.service.Script(other, simulator.Ready(`{"text":"other"}`))
	callers := []client.WorkflowRun{n.awaits(t, asleep(taskID))}
	n.waitForOperation(t, callers[0])
	for range limit - 1 {
		callers = append(callers, n.awaits(t, asleep(taskID)))
	}
	n.waitForCallers(t, taskID, limit-1)

	begun := time.Now()
	var refused []client.WorkflowRun
	for range 8 { // more than open the circuit breaker of an endpoint if they are repeated
		refused = append(refused, n.awaits(t, asleep(taskID)))
	}
	for _, caller := range refused {
		details := requireNexusError(t, caller, nexusservice.ErrorTypeTooManyCallers, "system.maxCallbacksPerWorkflow")
		require.Equal(t, taskID, details.TaskID)
	}
	requireSolution(t, n.awaits(t, soon(other)), `{"text":"other"}`)
	require.Less(t, time.Since(begun), 40*time.Second, "an open circuit breaker holds callers up for a minute")
	harness.WakeUp(t, n.provider, n.waitOf(t, taskID), taskID)
	for _, caller := range callers {
		requireSolution(t, caller, `{"text":"abc"}`)
	}
}

func TestNexusInputThatIsWrong(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, harness.StartSimulator(t))
	running := harness.NewTaskID()
	harness.StartWait(t, n.provider, n.taskQueue, harness.Asleep(running))
	type row struct{ operation, input, says string }
	await, solve := nexusservice.AwaitTaskResultOperation, nexusservice.SolveTaskOperation
	rows := map[string]row{
		"none":               {await, ``, "there is no input"},
		"null":               {await, `null`, "the input is null"},
		"a text":             {await, `"74372499131"`, "not a JSON object"},
		"no task id":         {await, `{}`, "taskId is missing"},
		"a negative task id": {await, `{"taskId": -1}`, "taskId is -1"},
		"a quoted task id":   {await, `{"taskId": "5"}`, "without quotes"},
		"misspelled":         {await, `{"taskId": 5, "timeOut": "5m"}`, `"timeOut" is not a property`},
		"continued":          {await, `{"taskId": 5, "continued": {}}`, "continued is set only"},
		"too often":          {await, `{"taskId": 5, "pollInterval": "1s"}`, "pollInterval is 1s"},
		"of a running wait":  {await, fmt.Sprintf(`{"taskId": %d, "timeout": 5}`, running), "timeout is 5"},
		"no task":            {solve, `{}`, "task"},
		"a task's id":        {solve, `{"taskId": 5}`, `"taskId" is not a property`},
		"a task of text":     {solve, `{"task": "2+2?"}`, "task"},
		"no attempts":        {solve, `{"task": {"type": "TextCaptchaTask"}, "attempts": 0}`, "attempts is 0"},
		"a long id":          {solve, `{"task": {"type": "TextCaptchaTask"}, "id": "` + strings.Repeat("x", 901) + `"}`, "id is"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller := n.call(t, row.operation, row.input, 0)
			requireNexusError(t, caller, activities.ErrorTypeInvalidInput, row.says)
		})
	}
	t.Run("does not keep others waiting", func(t *testing.T) {
		t.Parallel()
		begun, taskID := time.Now(), harness.NewTaskID()
		n.service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
		requireSolution(t, n.awaits(t, soon(taskID)), `{"text":"abc"}`)
		require.Less(t, time.Since(begun), 40*time.Second)
	})
}

func TestNexusCallerOfAWaitThatIsEnded(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, harness.StartSimulator(t))
	for code, end := range map[string]func(workflowID string) error{
		workflows.Terminated: func(workflowID string) error {
			return n.provider.TerminateWorkflow(harness.Context(t), workflowID, "", "by a test")
		},
		workflows.Canceled: func(workflowID string) error {
			return n.provider.CancelWorkflow(harness.Context(t), workflowID, "")
		},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			taskID := harness.NewTaskID()
			caller := n.awaits(t, asleep(taskID))
			n.waitForOperation(t, caller)
			require.NoError(t, end(workflows.WorkflowID(taskID)))
			require.Equal(t, code, workflows.ErrorCode(caller.Get(harness.Context(t), nil)))
		})
	}
}

// TestNexusCallerThatIsReset resets a caller to before its operation, which is then another one.
func TestNexusCallerThatIsReset(t *testing.T) {
	t.Parallel()
	eachNexusSetup(t, harness.StartSimulator, func(t *testing.T, n nexusSetup) {
		taskID := harness.NewTaskID()
		n.service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
		caller := n.awaits(t, asleep(taskID))
		n.waitForOperation(t, caller)
		again := resetToItsBeginning(t, n.callers, n.namespace, caller)
		n.waitForCallers(t, taskID, 1)
		harness.WakeUp(t, n.provider, n.waitOf(t, taskID), taskID)

		requireSolution(t, again, `{"text":"abc"}`)
		require.Len(t, n.service.RequestsFor(taskID), 1)
	})
}
