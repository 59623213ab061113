package e2e

import (
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestSolveTaskWhoseWorkerIsKilled kills the worker at each step from "about to send" to
// "answered", and has another one go on in its place. Whether the service has an address to call
// decides what becomes of a task whose id nobody has.
func TestSolveTaskWhoseWorkerIsKilled(t *testing.T) {
	t.Parallel()
	const mark, outcome = "RecordActivityTaskHeartbeat", "RespondActivityTaskCompleted" // calls of Temporal's API
	for _, row := range []struct {
		name string
		// at is the worker's call at which it is killed; "": createTask, when all of it has arrived.
		at       string
		passedOn bool // the Temporal server takes the call
		// What SolveTask knows without a call of the service: whether the task was bought, by the
		// worker that was killed or by the other one. If it doesn't, bought tells.
		isKnown bool
		bought  int
	}{
		{name: "before the mark", at: mark, isKnown: true, bought: 1},
		{name: "between the mark and the first byte", at: mark, passedOn: true, bought: 0},
		{name: "when the request was written", bought: 1},
		{name: "before the answer is reported", at: outcome, bought: 1},
		{name: "when the answer was reported", at: outcome, passedOn: true, isKnown: true, bought: 1},
	} {
		for _, isCalled := range []bool{false, true} {
			name := row.name + ", with no address to call"
			if isCalled {
				name = row.name + ", with an address to call"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				workers := make(chan *harness.Process, 1)
				kill := func() {
					select {
					case first := <-workers:
						first.SignalIfRunning(syscall.SIGKILL)
						<-first.Ended()
					default: // it is killed already
					}
				}
				service := harness.StartSimulatorWith(t, simulator.Options{
					CallbackTimeout: harness.Patience,
					NewTask: func(simulator.NewTask) simulator.Submission {
						if row.at == "" {
							kill()
						}
						// The call comes when the other worker takes it.
						return simulator.Submission{Answers: []simulator.Answer{simulator.ReadyAfter(20*time.Second, `{"text":"4"}`)}}
					},
				})
				address := harness.Address()
				if row.at != "" {
					address = harness.StartGateway(t, row.at, func(_ http.ResponseWriter, r *http.Request, passOn http.Handler) {
						if row.passedOn {
							passOn.ServeHTTP(httptest.NewRecorder(), r)
						}
						kill()
					})
				}
				taskQueue, callbackAddress := harness.NewTaskQueue(), harness.NewAddress(t)
				start := func(temporalAddress string) *harness.Process {
					if isCalled {
						return harness.StartCalledWorker(t, temporalAddress, callbackAddress, taskQueue, service.URL())
					}
					return harness.StartWorkerOn(t, temporalAddress, taskQueue, service.URL())
				}
				first := start(address)
				workers <- first
				temporalClient := harness.Dial(t)

				run := startSolve(t, temporalClient, taskQueue, workflows.SolveTaskInput{Timeout: time.Minute, Attempts: 3})
				<-first.Ended()
				start(harness.Address())
				var out workflows.SolveTaskOutput
				err := run.Get(harness.Context(t), &out)

				bought := service.Purchases()
				require.Len(t, bought, row.bought)
				require.LessOrEqual(t, len(service.Requests())-len(service.RequestsFor(out.TaskID)), 1, "requests to createTask")
				status := solveStatusOf(t, temporalClient, run)
				if row.isKnown || isCalled && row.bought > 0 {
					require.NoError(t, err)
					require.Equal(t, bought[0].TaskID, out.TaskID)
					require.JSONEq(t, `{"text":"4"}`, string(out.Solution))
					require.Equal(t, []int64{out.TaskID}, status.TaskIDs)
					return
				}
				require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, workflows.ErrorCode(err))
				want := "nobody can tell its id"
				if isCalled {
					want = "no call has told its id within 1m0s"
				}
				require.ErrorContains(t, err, want)
				details, ok := workflows.Details(err)
				require.True(t, ok)
				require.Zero(t, details.TaskID)
				require.Empty(t, details.TaskIDs)
				require.Equal(t, 1, details.Attempts, "none follows")
				require.Equal(t, workflows.StateFailed, status.State)
			})
		}
	}
}
