package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// startOnceSubmittable starts a service that calls meanwhile when a task is bought, before it
// answers.
func startOnceSubmittable(t *testing.T, meanwhile func()) *simulator.Server {
	t.Helper()
	return harness.StartSimulatorWith(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		meanwhile()
		return simulator.Submission{Answers: []simulator.Answer{simulator.Ready(`{"text":"4"}`)}}
	}})
}

// The SDK itself reports a result for 10 seconds only. No address is given to the service, so that
// the id comes from the worker.
func TestSolveTaskWithTheServerAwayAtItsAnswer(t *testing.T) {
	t.Parallel()
	const outage = 25 * time.Second
	for _, count := range []int{1, 2} {
		t.Run(fmt.Sprintf("workers: %d", count), func(t *testing.T) {
			t.Parallel()
			options := harness.Restartable(t)
			server := harness.StartServer(t, options)
			killed := make(chan error, 1)
			service := startOnceSubmittable(t, func() { killed <- server.Kill() })
			temporalClient, taskQueue := harness.DialWith(t, client.Options{HostPort: server.Address()}), harness.NewTaskQueue()
			var workers []*harness.Process
			for range count {
				workers = append(workers, harness.StartWorkerOn(t, server.Address(), taskQueue, service.URL()))
			}

			run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{})
			require.NoError(t, <-killed)
			time.Sleep(outage)
			harness.StartServer(t, options)
			var out workflows.SolveTaskOutput
			require.NoError(t, temporalClient.GetWorkflow(harness.Context(t), run.GetID(), run.GetRunID()).Get(harness.Context(t), &out))

			bought := service.Purchases()
			require.Len(t, bought, 1)
			require.Equal(t, bought[0].TaskID, out.TaskID)
			require.Equal(t, []int64{out.TaskID}, solveStatusOf(t, temporalClient, run).TaskIDs)
			require.Len(t, service.Requests(), 2, "createTask and getTaskResult, once each")
			var logs string
			for _, each := range workers {
				logs += each.Stderr()
			}
			require.Contains(t, logs, strconv.FormatInt(out.TaskID, 10), "the id is in the log of the worker that has it")
		})
	}
}

// One worker has the answer and can't reach the server until its attempt is over. Another one,
// which can, runs the workflow meanwhile: it must not end before the first worker's signal.
func TestSolveTaskWhoseWorkerIsCutOff(t *testing.T) {
	t.Parallel()
	for _, isCanceled := range []bool{false, true} {
		name := "the task is waited for"
		if isCanceled {
			name = "the workflow is canceled meanwhile"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way, cut := startWay(t, harness.Address()), make(chan struct{}, 1)
			service := startOnceSubmittable(t, func() {
				way.cut()
				cut <- struct{}{}
			})
			temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
			harness.StartWorkerOn(t, way.listener.Addr().String(), taskQueue, service.URL())

			run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{})
			<-cut
			harness.StartWorker(t, taskQueue, service.URL())
			if isCanceled {
				require.NoError(t, temporalClient.CancelWorkflow(harness.Context(t), run.GetID(), run.GetRunID()))
			}
			harness.WaitForEventsOf(t, temporalClient, run.GetID(), run.GetRunID(),
				enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT, enumspb.EVENT_TYPE_TIMER_STARTED)
			require.Equal(t, workflows.StateOutcomeUnknown, solveStatusOf(t, temporalClient, run).State)
			way.mend()
			var out workflows.SolveTaskOutput
			err := run.Get(harness.Context(t), &out)

			bought := service.Purchases()
			require.Len(t, bought, 1)
			if !isCanceled {
				require.NoError(t, err)
				require.Equal(t, bought[0].TaskID, out.TaskID)
				require.Len(t, service.Requests(), 2, "createTask and getTaskResult, once each")
				return
			}
			require.True(t, temporal.IsCanceledError(err), "%v", err)
			details, ok := workflows.Details(err)
			require.True(t, ok)
			require.Equal(t, bought[0].TaskID, details.TaskID)
			require.Equal(t, bought[0].TaskID, solveStatusOf(t, temporalClient, run).TaskID)
		})
	}
}

// The server takes the outcome, and its answer is lost. It then says to the repeated report that
// there is no such attempt, as it does when one is over, so that the worker signals what the
// workflow knows.
func TestSolveTaskWhoseOutcomeIsTakenUnheard(t *testing.T) {
	t.Parallel()
	service := startOnceSubmittable(t, func() {})
	var isTaken atomic.Bool
	unavailable := harness.RawStatus(14, "the answer is lost")
	address := harness.StartGateway(t, "RespondActivityTaskCompleted", func(w http.ResponseWriter, r *http.Request, passOn http.Handler) {
		if isTaken.Swap(true) {
			passOn.ServeHTTP(w, r)
			return
		}
		passOn.ServeHTTP(httptest.NewRecorder(), r)
		unavailable(w, r)
	})
	temporalClient, taskQueue := harness.Dial(t), harness.NewTaskQueue()
	harness.StartWorkerOn(t, address, taskQueue, service.URL())

	run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{})
	var out workflows.SolveTaskOutput
	require.NoError(t, run.Get(harness.Context(t), &out))

	bought := service.Purchases()
	require.Len(t, bought, 1)
	require.Equal(t, bought[0].TaskID, out.TaskID)
	require.Len(t, service.Requests(), 2, "createTask and getTaskResult, once each")
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.Equal(t, 1, harness.CountOf(history, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED))
}
