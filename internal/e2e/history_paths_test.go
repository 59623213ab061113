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

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
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
	inline    bool // in a workflow of someone else's
	// atMost is how many events the history may have; 0: only its shape counts.
	atMost int
}

// recordedWait is a wait that goes one of the paths.
type recordedWait struct {
	temporalClient client.Client
	service        *simulator.Server
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
		// The timer that runs is kept for the poll after the one that the wake-up makes.
		name:    "wake-up-between-polls",
		input:   `"pollInterval":"15s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			sleeps := w.waitForEvents(t, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_TIMER_STARTED)
			time.Sleep(time.Until(sleeps.GetEventTime().AsTime().Add(harness.MinSpacing)))
			w.wakeUp(t)
		},
		atMost: harness.CostOfFirstPoll + 2*harness.CostOfFurtherPoll + harness.CostOfWakeUp,
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
		inline:  true,
		atMost:  harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
	},
	{
		name:    "activity-retry-ready-at-third-poll",
		input:   `"polling":"activityRetry"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		atMost:  harness.CostOfFirstPoll,
	},
	{
		name:    "activity-retry-timeout",
		input:   `"polling":"activityRetry","timeout":"10s"`,
		answers: []simulator.Answer{simulator.Processing()},
		atMost:  harness.CostOfFirstPoll,
	},
	{
		// The ban does not fit into the activity's time, so the last poll has an activity of its
		// own.
		name:  "activity-retry-last-poll-of-its-own",
		input: `"polling":"activityRetry","timeout":"20s"`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Error(harness.IPBlocked),
			simulator.Ready(`{"text":"abc"}`)},
		atMost: harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
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
		// The first fallback poll stays where it was, and is what fetches the result.
		name:    "callback-too-early",
		input:   `"callback":true`,
		answers: []simulator.Answer{simulator.Processing(), simulator.Ready(`{"text":"abc"}`)},
		meanwhile: func(t *testing.T, w recordedWait) {
			w.waitForEvents(t, enumspb.EVENT_TYPE_TIMER_STARTED)
			w.wakeUp(t)
		},
		atMost: harness.CostOfFirstPoll + harness.CostOfFurtherPoll,
	},
}

// TestHistory compares the history of each path with the one on record, event by event. It runs
// before the tests that run side by side: a worker that waits for the machine makes other
// histories.
func TestHistory(t *testing.T) {
	t.Run("continued-as-new", continueAsNew)
	service, temporalClient, taskQueue := harness.StartSimulator(t), harness.Dial(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: harness.ClientKey, APIURL: service.URL()})
	require.NoError(t, err)
	callers := harness.StartCallers(t, temporalClient, plugin)

	for i, path := range historyPaths {
		t.Run(path.name, func(t *testing.T) {
			t.Parallel()
			taskID := firstRecordedTaskID + int64(i)*1000
			wait := path.start(t, recordedWait{temporalClient: temporalClient, service: service, taskID: taskID},
				taskQueue, callers)
			history := harness.ClosedHistory(t, temporalClient, wait.run.GetID(), wait.run.GetRunID())
			for attempt := 1; attempt < 3 && (harness.Disturbed(history) || attemptsIn(history) > len(service.RequestsFor(taskID))); attempt++ {
				taskID++
				wait = path.start(t, recordedWait{temporalClient: temporalClient, service: service,
					taskID: taskID}, taskQueue, callers)
				history = harness.ClosedHistory(t, temporalClient, wait.run.GetID(), wait.run.GetRunID())
			}
			if path.atMost > 0 {
				require.LessOrEqual(t, len(history.GetEvents()), path.atMost, "what it costs:\n%s",
					harness.Shape(history))
			}
			harness.RequireRecorded(t, path.name, history)
		})
	}
}

// firstRecordedTaskID and the ids after it are fixed, so that a history that is recorded anew
// differs only in what has changed.
const firstRecordedTaskID = 81555000000

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
	if p.inline {
		options.TaskQueue, workflow, arguments = callers, "waitInline", append(arguments, "")
	}
	var err error
	wait.run, err = wait.temporalClient.ExecuteWorkflow(harness.Context(t), options, workflow, arguments...)
	require.NoError(t, err)
	if p.meanwhile != nil {
		p.meanwhile(t, wait)
	}
	return wait
}

// attemptsIn is how many attempts the activities of a history had. An attempt that the server hands
// out too early sends nothing.
func attemptsIn(history *historypb.History) (attempts int) {
	for _, event := range history.GetEvents() {
		attempts += int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
	}
	return attempts
}

// continueAsNew has a server that suggests to continue as new after 20 events instead of 4,096.
func continueAsNew(t *testing.T) {
	t.Parallel()
	server := harness.StartServer(t,
		devserver.Options{DynamicConfig: []string{"limit.historyCount.suggestContinueAsNew=20"}})
	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	harness.StartWorkerOn(t, server.Address(), taskQueue, service.URL())

	var histories []*historypb.History
	for attempt := range int64(3) {
		taskID := firstRecordedTaskID + 999_000 + attempt
		service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Processing(),
			simulator.Ready(`{"text":"abc"}`))
		run := harness.StartWait(t, temporalClient, taskQueue,
			workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 10 * time.Minute})
		firstRun := run.GetRunID()
		var output workflows.AwaitTaskResultOutput
		require.NoError(t, run.Get(harness.Context(t), &output)) // follows the runs
		require.Equal(t, 4, output.Polls, "counted over all runs")
		require.Len(t, service.RequestsFor(taskID), 4)
		require.Empty(t, service.CloserThan(harness.MinSpacing))

		histories = nil
		for runID := firstRun; runID != ""; {
			history := harness.ClosedHistory(t, temporalClient, run.GetID(), runID)
			histories = append(histories, history)
			last := history.GetEvents()[len(history.GetEvents())-1]
			runID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
		if !slices.ContainsFunc(histories, harness.Disturbed) {
			break
		}
	}
	require.Greater(t, len(histories), 1, "it continued as new")
	for i, history := range histories {
		harness.RequireRecorded(t, fmt.Sprintf("continued-as-new-%d", i+1), history)
	}
}
