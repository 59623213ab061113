package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/nexusservice"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// solves starts a workflow that solves a task as the docs say. properties are added to the input.
func (n nexusSetup) solves(t *testing.T, properties string) client.WorkflowRun {
	t.Helper()
	return n.call(t, nexusservice.SolveTaskOperation, `{"task": `+taskToSolve+properties+`}`,
		workflow.NexusOperationCancellationTypeWaitRequested)
}

func TestNexusSolveTask(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, startSubmittable(t, solved, simulator.Error(twocaptcha.ErrorBadProxy)))

	caller := n.solves(t, "")
	var output workflows.SolveTaskOutput
	require.NoError(t, caller.Get(harness.Context(t), &output))
	require.JSONEq(t, `{"text":"4"}`, string(output.Solution))
	bought := n.service.Purchases()
	require.Len(t, bought, 1)
	require.Equal(t, bought[0].TaskID, output.TaskID)
	require.JSONEq(t, taskToSolve, string(bought[0].Task.Task))

	details := requireNexusError(t, n.solves(t, ""), twocaptcha.ErrorBadProxy, twocaptcha.ErrorBadProxy)
	bought = n.service.Purchases()
	require.Len(t, bought, 2)
	require.Equal(t, bought[1].TaskID, details.TaskID)
}

// The answer to a start is lost, so that the server starts the operation again, 11 seconds later.
// The first start's workflow is running then, or has ended.
func TestNexusSolveTaskIsBoughtOnceIfItsStartIsRepeated(t *testing.T) {
	t.Parallel()
	service := harness.StartSimulatorWith(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		return simulator.Submission{Answers: []simulator.Answer{simulator.ReadyAfter(25*time.Second, `{"text":"4"}`)}}
	}})
	var starts atomic.Int64
	address := harness.StartGateway(t, "RespondNexusTaskCompleted", func(w http.ResponseWriter, r *http.Request, passOn http.Handler) {
		if starts.Add(1) > 1 {
			passOn.ServeHTTP(w, r)
			return
		}
		// The worker takes it for delivered.
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		emptyMessage := make([]byte, 5)
		_, _ = w.Write(emptyMessage)
		w.Header().Set("Grpc-Status", "0")
	})
	newNamespace(t)
	n := startNexus(t, service, address, strings.ToLower(t.Name()))

	caller := n.solves(t, "")
	var output workflows.SolveTaskOutput
	require.NoError(t, caller.Get(harness.Context(t), &output))
	require.JSONEq(t, `{"text":"4"}`, string(output.Solution))
	require.GreaterOrEqual(t, starts.Load(), int64(2), "the start is not repeated")
	require.Len(t, service.Purchases(), 1)
}

func TestNexusCallersShareAPurchase(t *testing.T) {
	t.Parallel()
	eachNexusSetup(t, func(t *testing.T) *simulator.Server {
		return startSubmittable(t, simulator.ReadyAfter(3*time.Second, `{"text":"4"}`))
	}, func(t *testing.T, n nexusSetup) {
		id := fmt.Sprintf(`, "id": %q`, harness.NewTaskQueue())
		callers := []client.WorkflowRun{n.solves(t, id), n.solves(t, id)}
		for _, caller := range callers {
			requireSolution(t, caller, `{"text":"4"}`)
		}
		requireSolution(t, n.solves(t, id), `{"text":"4"}`)
		require.Len(t, n.service.Purchases(), 1)
	})
}

// A failed purchase answers with its failure, as long as its id is kept.
func TestNexusCallerAfterAFailedPurchase(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, startSubmittable(t, simulator.Error(twocaptcha.ErrorBadProxy)))
	id := fmt.Sprintf(`, "id": %q`, harness.NewTaskQueue())
	for range 2 {
		details := requireNexusError(t, n.solves(t, id), twocaptcha.ErrorBadProxy, twocaptcha.ErrorBadProxy)
		require.Equal(t, n.service.Purchases()[0].TaskID, details.TaskID)
	}
	require.Len(t, n.service.Purchases(), 1)
}

func TestNexusCancellationOfAPurchase(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, startSubmittable(t, simulator.ReadyAfter(time.Hour, `{"text":"4"}`)))
	id := harness.NewTaskQueue()
	property := fmt.Sprintf(`, "initialDelay": "1h", "timeout": "2h", "id": %q`, id)
	first, second := n.solves(t, property), n.solves(t, property)
	n.waitForOperation(t, first)
	n.waitForOperation(t, second)
	workflowID := workflows.SolveWorkflowID(id)
	harness.WaitForEventsOf(t, n.provider, workflowID, "", enumspb.EVENT_TYPE_TIMER_STARTED)
	require.NoError(t, n.callers.CancelWorkflow(harness.Context(t), first.GetID(), first.GetRunID()))

	require.Equal(t, workflows.Canceled, workflows.ErrorCode(first.Get(harness.Context(t), nil)))
	require.Equal(t, workflows.Canceled, workflows.ErrorCode(n.provider.GetWorkflow(harness.Context(t), workflowID, "").Get(harness.Context(t), nil)))
	bought := n.service.Purchases()
	require.Len(t, bought, 1)
	for name, caller := range map[string]client.WorkflowRun{"shares the purchase": second, "comes later": n.solves(t, property)} {
		err := caller.Get(harness.Context(t), nil)
		require.Equal(t, workflows.Canceled, workflows.ErrorCode(err), name)
		details, _ := workflows.Details(err)
		require.Equal(t, bought[0].TaskID, details.TaskID, name)
	}
	require.Len(t, n.service.Purchases(), 1)
}

// A caller that is reset to before its operation has a new request id. The id in its input keeps it
// from buying again.
func TestNexusCallerThatIsResetBuysOnceWithAnID(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, startSubmittable(t, simulator.ReadyAfter(3*time.Second, `{"text":"4"}`)))
	caller := n.solves(t, fmt.Sprintf(`, "id": %q`, harness.NewTaskQueue()))
	n.waitForOperation(t, caller)
	requireSolution(t, resetToItsBeginning(t, n.callers, n.namespace, caller), `{"text":"4"}`)
	require.Len(t, n.service.Purchases(), 1)
}
