package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// historyPath is one way that a wait can go.
type historyPath struct {
	name string
	// input is the workflow's, without the task's id.
	input   string
	answers []simulator.Answer
	// meanwhile is what happens to the wait from outside; nil: nothing.
	meanwhile func(*testing.T, recordedWait)
	// caller is the workflow of someone else's that waits inline; "": the wait is a workflow.
	caller string
	// atMost is how many events the history may have; 0: only its shape counts.
	atMost int
	// slow tells that it takes minutes, so that waits go it only to be recorded, that is, with
	// E2E_RECORD_HISTORIES=1. The replay test of package workflows replays the record every time.
	slow bool
}

// recordedWait is a wait that goes one of the paths.
type recordedWait struct {
	temporalClient client.Client
	service        *simulator.Server
	taskQueue      string // of the provider's worker
	taskID         int64
	run            client.WorkflowRun
}

func (w recordedWait) waitForEvents(t *testing.T, types ...enumspb.EventType) *historypb.HistoryEvent {
	t.Helper()
	return harness.WaitForEvents(t, w.temporalClient, w.taskID, types...)
}

func (w recordedWait) wakeUp(t *testing.T) {
	t.Helper()
	harness.WakeUp(t, w.temporalClient, w.run, w.taskID)
}

func (w recordedWait) cancel(t *testing.T) {
	t.Helper()
	require.NoError(t, w.temporalClient.CancelWorkflow(harness.Context(t), w.run.GetID(), w.run.GetRunID()))
}

var historyPaths = []historyPath{
	{
		name:    "ready-at-first-poll",
		answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)},
		atMost:  harness.CostOfFirstPoll,
	},
	{
		name:    "ready-at-third-poll",
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		atMost:  harness.CostOfFirstPoll + 2*harness.CostOfFurtherPoll,
	},
	{
		name:    "wake-up-before-first-poll",
		input:   `"initialDelay":"1h","timeout":"2h"`,
		answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
		},
		atMost: harness.CostOfFirstPoll + harness.CostOfWakeUp,
	},
	{
		// The wake-up brings two polls about, 5 seconds apart. The timer that runs is kept for the
		// poll after them.
		name:  "wake-up-between-polls",
		input: `"pollInterval":"20s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Processing(),
			simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			sleeps := w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
			time.Sleep(time.Until(sleeps.GetEventTime().AsTime().Add(harness.MinSpacing)))
			w.wakeUp(t)
		},
		atMost: harness.CostOfFirstPoll + 3*harness.CostOfFurtherPoll,
	},
	{
		// The wake-up has to wait for the 5 seconds between polls, by a timer of its own.
		name:    "early-wake-up",
		input:   `"pollInterval":"15s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
		},
	},
	{
		// The second one finds the first one's timer.
		name:    "two-wake-ups-in-one-gap",
		input:   `"pollInterval":"15s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
			w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED,
				enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
		},
	},
	{
		name:    "thirty-polls",
		input:   `"maxPollInterval":"5s"`,
		answers: append(slices.Repeat([]simulator.Answer{simulator.Processing()}, 29), simulator.Ready(`{"text":"abc"}`)),
		meanwhile: func(t *testing.T, w recordedWait) {
			require.NoError(t, w.service.WaitForRequests(harness.Context(t), w.taskID, 15))
		},
		atMost: harness.CostOfFirstPoll + 29*harness.CostOfFurtherPoll,
		slow:   true,
	},
	{
		name:    "timeout",
		input:   `"timeout":"10s"`,
		answers: []simulator.Answer{simulator.Processing()},
		atMost:  harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
	},
	{
		name:    "verdict",
		answers: []simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")},
		atMost:  harness.CostOfFirstPoll,
	},
	{
		name: "transient-then-ready",
		answers: []simulator.Answer{simulator.HTMLPage(), simulator.DroppedConnection(),
			simulator.Ready(`{"text":"abc"}`)},
		atMost: harness.CostOfFirstPoll,
	},
	{
		// The delay is beyond the deadline, when the last poll comes all the same.
		name:    "delay-that-outlasts-its-poll",
		input:   `"timeout":"20s"`,
		answers: []simulator.Answer{simulator.RetryAfter(503, "60"), simulator.Ready(`{"text":"abc"}`)},
		atMost:  harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
	},
	{
		name:    "last-poll-repeated",
		input:   `"timeout":"6s"`,
		answers: []simulator.Answer{simulator.HTMLPage(), simulator.Ready(`{"text":"abc"}`)},
		atMost:  harness.CostOfFirstPoll,
	},
	{
		name:    "no-answer",
		input:   `"timeout":"6s"`,
		answers: []simulator.Answer{simulator.HTMLPage()},
		meanwhile: func(t *testing.T, w recordedWait) {
			require.NoError(t, w.service.WaitForRequests(harness.Context(t), w.taskID, 4))
		},
		atMost: harness.CostOfFirstPoll,
		slow:   true,
	},
	{
		name:    "canceled-while-waiting",
		answers: []simulator.Answer{simulator.Processing()},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.cancel(t)
		},
	},
	{
		name:    "canceled-while-polling",
		answers: []simulator.Answer{simulator.Stalled(0)},
		meanwhile: func(t *testing.T, w recordedWait) {
			require.NoError(t, w.service.WaitForRequests(harness.Context(t), w.taskID, 1))
			w.cancel(t)
		},
	},
	{
		name:  "invalid-input",
		input: `"pollInterval":"1s"`,
	},
	{
		name:    "inline",
		answers: []simulator.Answer{simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		caller:  harness.WaitInline,
		atMost:  harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
	},
	{
		// The first wake-up leaves the timer of an hour running, which is canceled at the end, since
		// the caller's workflow goes on. The second one finds a timer that is soon enough.
		name:  "inline-wake-ups",
		input: `"initialDelay":"1h","timeout":"2h"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(),
			simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
			w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
		},
		caller: harness.WaitInlineForCall,
	},
	{
		name:    "inline-two-wake-ups-in-one-gap",
		input:   `"pollInterval":"15s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
			w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED,
				enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
		},
		caller: harness.WaitInlineForCall,
	},
	{
		name:    "activity-retry-ready-at-third-poll",
		input:   `"polling":"activityRetry"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		atMost:  harness.CostOfFirstPoll,
	},
	{
		// The last poll has an activity of its own.
		name:    "activity-retry-timeout",
		input:   `"polling":"activityRetry","timeout":"10s"`,
		answers: []simulator.Answer{simulator.Processing()},
		atMost:  harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
	},
	{
		// The delay is handed back, and is over after the deadline, when the last poll comes.
		name:  "activity-retry-away-to-the-deadline",
		input: `"polling":"activityRetry","timeout":"20s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.RetryAfter(503, "60"),
			simulator.Ready(`{"text":"abc"}`)},
		atMost: harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
	},
	{
		// The second failure's delay is handed back, since no wake-up may shorten it.
		name:  "activity-retry-failures-handed-back",
		input: `"polling":"activityRetry"`,
		answers: []simulator.Answer{simulator.HTMLPage(), simulator.DroppedConnection(), simulator.Processing(),
			simulator.Ready(`{"text":"abc"}`)},
	},
	{
		// It cancels the activity, which waits for its second attempt.
		name:    "activity-retry-wake-up",
		input:   `"polling":"activityRetry","pollInterval":"15s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			harness.WaitForFailedAttempt(t, w.temporalClient, w.run)
			w.wakeUp(t)
		},
	},
	{
		name:    "activity-retry-verdict",
		input:   `"polling":"activityRetry"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")},
		atMost:  harness.CostOfFirstPoll,
	},
	{
		// It costs no more than a poll by a timer: that one does not fire.
		name:    "callback",
		input:   `"callback":true`,
		answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
		},
		atMost: harness.CostOfFirstPoll,
	},
	{
		name:    "callback-lost",
		input:   `"callback":true`,
		answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)},
		atMost:  harness.CostOfFirstPoll,
	},
	{
		// The next poll is 5 seconds later: the result may have been a moment away.
		name:    "callback-too-early",
		input:   `"callback":true`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
		},
		atMost: harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
	},
	{
		// It costs an event for each caller. No workflow task follows.
		name:    "nexus-caller-attached",
		input:   `"initialDelay":"1h","timeout":"2h"`,
		answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_TIMER_STARTED)
			n := nexusSetup{
				callers: w.temporalClient, queue: harness.StartCallers(t, w.temporalClient),
				endpoint: harness.NewEndpoint(t, w.temporalClient, client.DefaultNamespace, w.taskQueue),
			}
			n.awaits(t, soon(w.taskID))
			w.waitForEvents(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
			w.wakeUp(t)
		},
		atMost: harness.CostOfFirstPoll + 1,
	},
}

// continuedPaths are paths on a server that suggests to continue as new after 20 events, which is
// while the second poll is under way.
var continuedPaths = []historyPath{
	{
		name: "continued-as-new",
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Processing(),
			simulator.Ready(`{"text":"abc"}`)},
	},
	{
		// The call comes while the second poll is under way, and shortens the next run's first timer.
		name:  "continued-as-new-with-a-wake-up-pending",
		input: `"pollInterval":"15s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing().WithDelay(3 * time.Second),
			simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			require.NoError(t, w.service.WaitForRequests(harness.Context(t), w.taskID, 2))
			w.wakeUp(t)
		},
	},
	{
		// It can't continue as new: the polls after the second one are one activity's, which the
		// call cancels.
		name: "inline-instead-of-continuing-as-new",
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Processing(),
			simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			require.NoError(t, w.service.WaitForAnswers(harness.Context(t), w.taskID, 3))
			harness.WaitForFailedAttempt(t, w.temporalClient, w.run)
			w.wakeUp(t)
		},
		caller: harness.WaitInlineForCall,
	},
}

// TestHistory compares the history of each path with the one on record, event by event. It runs
// before the tests that run side by side: a worker that waits for the machine makes other
// histories.
func TestHistory(t *testing.T) {
	t.Run("continuing as new is suggested", func(t *testing.T) {
		t.Parallel()
		server := harness.StartServer(t, suggestsContinueAsNewSoon)
		compareHistories(t, server.Address(), firstRecordedTaskID+900_000, continuedPaths)
	})
	compareHistories(t, harness.Address(), firstRecordedTaskID, historyPaths)
}

// firstRecordedTaskID and the ids after it are fixed, so that a history that is recorded anew
// differs only in what has changed.
const firstRecordedTaskID = 81555000000

// compareHistories has waits go the paths on the Temporal server at that address.
func compareHistories(t *testing.T, address string, firstTaskID int64, paths []historyPath) {
	t.Helper()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	temporalClient := harness.DialWith(t, client.Options{HostPort: address})
	harness.StartWorkerOn(t, address, taskQueue, service.URL())
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()})
	require.NoError(t, err)
	callers := harness.StartCallers(t, temporalClient, plugin)

	for i, path := range paths {
		if path.slow && !harness.RecordsHistories() {
			continue
		}
		t.Run(path.name, func(t *testing.T) {
			t.Parallel()
			var histories []*historypb.History // of its runs
			for attempt := range int64(3) {
				wait := recordedWait{temporalClient: temporalClient, service: service, taskQueue: taskQueue,
					taskID: firstTaskID + int64(i)*1000 + attempt}
				wait = path.start(t, wait, taskQueue, callers)
				histories = historiesOf(t, temporalClient, wait.run)
				if !disturbed(histories) && attemptsIn(histories) <= len(service.RequestsFor(wait.taskID)) {
					break
				}
			}
			require.Empty(t, service.CloserThan(harness.MinSpacing))
			requireRecorded(t, path.name, path.atMost, histories)
		})
	}
}

// requireRecorded requires that the histories of a path's runs are those on record, and that each
// has at most that many events; 0: any number.
func requireRecorded(t *testing.T, path string, atMost int, histories []*historypb.History) {
	t.Helper()
	for run, history := range histories {
		name := path
		if len(histories) > 1 {
			name = fmt.Sprintf("%s-%d", name, run+1)
		}
		if atMost > 0 {
			require.LessOrEqual(t, len(history.GetEvents()), atMost, "what it costs:\n%s", harness.Shape(history))
		}
		harness.RequireRecorded(t, name, history)
	}
}

// start starts the wait and does to it what belongs to the path.
func (p historyPath) start(t *testing.T, wait recordedWait, taskQueue, callers string) recordedWait {
	t.Helper()
	wait.service.Script(wait.taskID, p.answers...)
	input := fmt.Sprintf(`{"taskId":%d}`, wait.taskID)
	if p.input != "" {
		input = fmt.Sprintf(`{"taskId":%d,%s}`, wait.taskID, p.input)
	}
	options := workflows.StartOptions(wait.taskID)
	options.TaskQueue = taskQueue
	workflow, arguments := workflows.AwaitTaskResultWorkflow, []any{json.RawMessage(input)}
	if p.caller != "" {
		options.TaskQueue, workflow, arguments = callers, p.caller, append(arguments, "")
	}
	var err error
	wait.run, err = wait.temporalClient.ExecuteWorkflow(harness.Context(t), options, workflow, arguments...)
	require.NoError(t, err)
	if p.meanwhile != nil {
		p.meanwhile(t, wait)
	}
	return wait
}

// historiesOf are those of the run and of the runs that it continued as.
func historiesOf(t *testing.T, temporalClient client.Client, run client.WorkflowRun) (histories []*historypb.History) {
	t.Helper()
	for runID := run.GetRunID(); runID != ""; {
		history := harness.ClosedHistory(t, temporalClient, run.GetID(), runID)
		histories = append(histories, history)
		last := history.GetEvents()[len(history.GetEvents())-1]
		runID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return histories
}

func disturbed(histories []*historypb.History) bool {
	return slices.ContainsFunc(histories, harness.Disturbed)
}

// attemptsIn is how many attempts the activities of the histories had. An attempt that the server
// hands out too early sends nothing.
func attemptsIn(histories []*historypb.History) (attempts int) {
	for _, history := range histories {
		for _, event := range history.GetEvents() {
			attempts += int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
		}
	}
	return attempts
}
