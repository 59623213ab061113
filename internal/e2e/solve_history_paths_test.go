package e2e

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// solvePath is one way that a SolveTask can go.
type solvePath struct {
	name string
	// input is the workflow's, without its task.
	input string
	// submissions are what becomes of the task each time that it is submitted.
	submissions []simulator.Submission
	// held tells that createTask answers only when the path's meanwhile has released it.
	held bool
	// called tells that the worker gives the service an address to call.
	called bool
	// reportedLate tells that the server refuses the submission's outcome until the attempt is over.
	reportedLate bool
	// meanwhile is what happens to the workflow from outside; nil: nothing.
	meanwhile func(*testing.T, recordedSolve)
	// caller is the workflow of someone else's that solves inline; "": it is SolveTask.
	caller string
	// atMost and slow are as for a wait.
	atMost int
	slow   bool
}

// recordedSolve is a SolveTask that goes one of the paths.
type recordedSolve struct {
	temporalClient client.Client
	run            client.WorkflowRun
	release        func() // has createTask answer
	begun          <-chan struct{}
}

func (s recordedSolve) waitForEvents(t *testing.T, types ...enumspb.EventType) {
	t.Helper()
	harness.WaitForEventsOf(t, s.temporalClient, s.run.GetID(), s.run.GetRunID(), types...)
}

func (s recordedSolve) cancel(t *testing.T) {
	t.Helper()
	require.NoError(t, s.temporalClient.CancelWorkflow(harness.Context(t), s.run.GetID(), s.run.GetRunID()))
}

// becomes is a submission whose task gets these answers.
func becomes(answers ...simulator.Answer) simulator.Submission {
	return simulator.Submission{Answers: answers}
}

func refusedBy(answer simulator.Answer) simulator.Submission {
	return simulator.Submission{Refused: &answer}
}

// becomesUnheard is becomes with createTask's answer lost after the purchase.
func becomesUnheard(answers ...simulator.Answer) simulator.Submission {
	lost := simulator.DroppedConnection()
	return simulator.Submission{CreateAnswer: &lost, Answers: answers}
}

const costOfFurtherSubmission = harness.CostOfFurtherPoll

var (
	solved = simulator.Ready(`{"text":"4"}`)
	// solvedSoon is solved when the workflow waits for its call.
	solvedSoon = simulator.ReadyAfter(4*time.Second, `{"text":"4"}`)
)

var solvePaths = []solvePath{
	{
		name:        "solve-ready-at-first-poll",
		submissions: []simulator.Submission{becomes(solved)},
		atMost:      costOfSolve,
	},
	{
		// It costs no more than a poll by a timer: that one does not fire.
		name:        "solve-callback",
		submissions: []simulator.Submission{becomes(solvedSoon)},
		called:      true,
		atMost:      costOfSolve,
	},
	{
		name:  "solve-second-attempt",
		input: `"attempts":2`,
		submissions: []simulator.Submission{
			becomes(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable)), becomes(solved),
		},
	},
	{
		name:        "solve-no-slot-then-bought",
		submissions: []simulator.Submission{refusedBy(simulator.Error(twocaptcha.ErrorNoSlotAvailable)), becomes(solved)},
		atMost:      costOfSolve + costOfFurtherSubmission,
	},
	{
		name:        "solve-verdict-of-createtask",
		submissions: []simulator.Submission{refusedBy(simulator.Error(twocaptcha.ErrorZeroBalance))},
	},
	{
		name:        "solve-outcome-unknown",
		submissions: []simulator.Submission{becomesUnheard(solved)},
	},
	{
		// The service's call names the task.
		name:        "solve-outcome-told-by-a-call",
		submissions: []simulator.Submission{becomesUnheard(solvedSoon)},
		called:      true,
	},
	{
		name:        "solve-resubmitted",
		input:       `"resubmitUnknown":true`,
		submissions: []simulator.Submission{becomesUnheard(solved), becomes(solved)},
	},
	{
		// The worker that has the answer names the task by a signal.
		name:         "solve-outcome-told-by-the-worker",
		submissions:  []simulator.Submission{becomes(solved)},
		reportedLate: true,
		slow:         true,
	},
	{
		// The answer is taken, and the task's id is in the cancellation's details.
		name:        "solve-canceled-while-submitting",
		submissions: []simulator.Submission{becomes(solved)},
		held:        true,
		meanwhile: func(t *testing.T, s recordedSolve) {
			<-s.begun
			s.cancel(t)
			s.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED)
			s.release()
		},
	},
	{
		name:        "solve-canceled-while-waiting",
		submissions: []simulator.Submission{becomes(simulator.Processing())},
		meanwhile: func(t *testing.T, s recordedSolve) {
			s.waitForEvents(t, enumspb.EVENT_TYPE_TIMER_STARTED)
			s.cancel(t)
		},
	},
	{
		name:  "solve-not-submitted",
		input: `"timeout":"6s"`,
		submissions: []simulator.Submission{
			refusedBy(simulator.Status(http.StatusTooManyRequests, "busy")),
			refusedBy(simulator.Status(http.StatusTooManyRequests, "busy")),
		},
	},
	{
		// The timer is canceled at the end, since the caller's workflow goes on.
		name:        "solve-inline-callback",
		submissions: []simulator.Submission{becomes(solvedSoon)},
		called:      true,
		caller:      harness.SolveInlineForCall,
		atMost:      costOfSolve + 1,
	},
	{
		// The replayer calls each workflow "ReplayId", which is not made of this id.
		name:        "solve-under-its-id",
		input:       `"id":"recorded"`,
		submissions: []simulator.Submission{becomes(solved)},
		atMost:      costOfSolve,
	},
}

// continuedSolvePaths are paths on a server that suggests to continue as new after 20 events.
var continuedSolvePaths = []solvePath{
	{
		name: "solve-continued-as-new-while-waiting",
		submissions: []simulator.Submission{
			becomes(simulator.Processing(), simulator.Processing(), simulator.Processing(), solved),
		},
	},
	{
		name: "solve-continued-as-new-while-submitting",
		submissions: []simulator.Submission{
			refusedBy(simulator.Error(twocaptcha.ErrorNoSlotAvailable)),
			refusedBy(simulator.Error(twocaptcha.ErrorNoSlotAvailable)), becomes(solved),
		},
	},
}

// TestHistoryOfSolveTask compares the history of each path with the one on record, event by event,
// as TestHistory does for waits.
func TestHistoryOfSolveTask(t *testing.T) {
	t.Run("continuing as new is suggested", func(t *testing.T) {
		t.Parallel()
		server := harness.StartServer(t, suggestsContinueAsNewSoon)
		compareSolveHistories(t, server.Address(), continuedSolvePaths)
	})
	compareSolveHistories(t, harness.Address(), solvePaths)
}

// compareSolveHistories has SolveTasks go the paths on the Temporal server at that address.
func compareSolveHistories(t *testing.T, address string, paths []solvePath) {
	t.Helper()
	temporalClient := harness.DialWith(t, client.Options{HostPort: address})
	for _, path := range paths {
		if path.slow && !harness.RecordsHistories() {
			continue
		}
		t.Run(path.name, func(t *testing.T) {
			t.Parallel()
			var histories []*historypb.History // of its runs
			for range 3 {
				service, run := path.start(t, temporalClient)
				histories = historiesOf(t, temporalClient, run)
				require.Empty(t, service.CloserThan(harness.MinSpacing))
				if !disturbed(histories) && attemptsIn(histories) <= len(service.Requests()) {
					break
				}
			}
			requireRecorded(t, path.name, path.atMost, histories)
		})
	}
}

// start has a workflow go the path, with a service and a worker of its own.
func (p solvePath) start(t *testing.T, temporalClient client.Client) (*simulator.Server, client.WorkflowRun) {
	t.Helper()
	begun, released := make(chan struct{}, len(p.submissions)), make(chan struct{})
	next := make(chan simulator.Submission, len(p.submissions))
	for _, submission := range p.submissions {
		next <- submission
	}
	service := harness.StartSimulatorWith(t, simulator.Options{
		CallbackTimeout: harness.Patience,
		NewTask: func(simulator.NewTask) simulator.Submission {
			begun <- struct{}{}
			if p.held {
				<-released
			}
			return <-next
		},
	})
	solving := recordedSolve{temporalClient: temporalClient, begun: begun, release: func() { close(released) }}

	taskQueue := harness.NewTaskQueue()
	harness.StartCallersOn(t, p.workersClient(t, temporalClient), taskQueue, p.plugin(t, temporalClient, service.URL()))
	input := `{"task":` + boughtTask + `}`
	if p.input != "" {
		input = `{"task":` + boughtTask + `,` + p.input + `}`
	}
	var in workflows.SolveTaskInput
	require.NoError(t, json.Unmarshal([]byte(input), &in))
	options := workflows.SolveOptions(taskQueue)
	if in.ID != "" {
		options = workflows.SolveOptions(in.ID)
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE // a path may be gone again
	}
	options.TaskQueue = taskQueue
	workflow := workflows.SolveTaskWorkflow
	if p.caller != "" {
		workflow = p.caller
	}
	var err error
	solving.run, err = temporalClient.ExecuteWorkflow(harness.Context(t), options, workflow, json.RawMessage(input))
	require.NoError(t, err)
	if p.meanwhile != nil {
		p.meanwhile(t, solving)
	}
	return service, solving.run
}

func (p solvePath) plugin(t *testing.T, temporalClient client.Client, apiURL string) worker.Plugin {
	t.Helper()
	if p.called {
		return newCalledPlugin(t, temporalClient, apiURL)
	}
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: harness.ClientKey, APIURL: apiURL})
	require.NoError(t, err)
	return plugin
}

// workersClient is temporalClient, but for a worker whose first outcome of an activity the server
// takes too late.
func (p solvePath) workersClient(t *testing.T, temporalClient client.Client) client.Client {
	t.Helper()
	if !p.reportedLate {
		return temporalClient
	}
	var mutex sync.Mutex
	var since time.Time
	unavailable := harness.RawStatus(14, "the server is away")
	address := harness.StartGateway(t, "RespondActivityTaskCompleted", func(w http.ResponseWriter, r *http.Request, passOn http.Handler) {
		mutex.Lock()
		if since.IsZero() {
			since = time.Now()
		}
		isAway := time.Since(since) < submissionTimeout+5*time.Second
		mutex.Unlock()
		if isAway {
			unavailable(w, r)
			return
		}
		passOn.ServeHTTP(w, r)
	})
	return harness.DialWith(t, client.Options{HostPort: address})
}

// submissionTimeout is how long a submission's attempt may take.
const submissionTimeout = 30 * time.Second
