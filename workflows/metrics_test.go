package workflows_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// ended is what is counted of waits that ended with these outcomes, after so many polls in all.
// What the simulated service charges is known.
func ended(polls int64, outcomes ...string) map[string]int64 {
	counts := map[string]int64{"twocaptcha_polls": polls}
	for _, outcome := range outcomes {
		counts[`twocaptcha_tasks{outcome="`+outcome+`"}`]++
		if outcome == "ready" {
			counts["twocaptcha_cost_millionths"] += 2990
		}
	}
	return counts
}

// requireEnded requires that this was counted of the waits, besides the requests, and that each of
// them was timed.
func (e *environment) requireEnded(want map[string]int64) {
	e.t.Helper()
	counted := e.metrics.Counters()
	maps.DeleteFunc(counted, func(name string, _ int64) bool { return strings.HasPrefix(name, "twocaptcha_requests") })
	require.Equal(e.t, want, counted)
	for name, number := range want {
		if labels, found := strings.CutPrefix(name, "twocaptcha_tasks"); found {
			require.Len(e.t, e.metrics.Timers()["twocaptcha_task_latency"+labels], int(number))
		}
	}
}

// latencies are what was timed of the waits with this outcome.
func (e *environment) latencies(outcome string) []time.Duration {
	return e.metrics.Timers()[`twocaptcha_task_latency{outcome="`+outcome+`"}`]
}

func TestWaitIsCountedByItsOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers []simulator.Answer
		input   string // "": that of the task
		want    map[string]int64
	}{
		"ready":                     {[]simulator.Answer{simulator.Ready(solution)}, "", ended(1, "ready")},
		"ready at the third poll":   {[]simulator.Answer{simulator.Processing(), simulator.Processing(), simulator.Ready(solution)}, "", ended(3, "ready")},
		"a code of the table":       {[]simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")}, "", ended(1, "ERROR_CAPTCHA_UNSOLVABLE")},
		"a code of nobody's":        {[]simulator.Answer{simulator.Error("ERROR_OF_TOMORROW_7c1f")}, "", ended(1, "other_code")},
		"a code in other letters":   {[]simulator.Answer{simulator.Error("error_captcha_unsolvable")}, "", ended(1, "other_code")},
		"a word of this project's":  {[]simulator.Answer{simulator.Error("TaskTimeout")}, "", ended(1, "UnexpectedResponse")},
		"an answer without a code":  {[]simulator.Answer{simulator.Body(`{"errorId":1}`)}, "", ended(1, "UnexpectedResponse")},
		"processing to the end":     {[]simulator.Answer{simulator.Processing()}, fmt.Sprintf(`{"taskId":%d,"timeout":"10s"}`, taskID), ended(2, "TaskTimeout")},
		"nothing that can be asked": {nil, `{"taskId":-1}`, ended(0, "InvalidInput")},
		"no input":                  {nil, `5`, ended(0, "InvalidInput")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, test.answers...)
			input := test.input
			if input == "" {
				input = fmt.Sprintf(`{"taskId":%d}`, taskID)
			}
			_, _ = e.awaitInput(json.RawMessage(input))
			e.requireEnded(test.want)
			e.details() // a query
			e.requireEnded(test.want)
		})
	}
}

func TestWaitWithoutAnAnswerIsCounted(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.HTMLPage())
	out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 10 * time.Second})
	require.Equal(t, workflows.ErrorTypeNoAnswer, workflows.ErrorCode(err), out)
	details, _ := workflows.Details(err)
	e.requireEnded(ended(int64(details.Polls), "NoAnswer"))
}

func TestLatencyIsFromTheWaitsStartToItsEnd(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.ReadyAfter(4*time.Second, solution))
	_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})
	require.NoError(t, err)
	require.Equal(t, seconds(5), e.latencies("ready"))
}

func TestCanceledWaitIsCounted(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID)
	e.after(7*time.Second, e.CancelWorkflow)
	_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})
	require.Equal(t, workflows.Canceled, workflows.ErrorCode(err))
	e.requireEnded(ended(1, "Canceled"))
	require.Equal(t, seconds(7), e.latencies("Canceled"))
}

// A wait that continues as new has not ended.
func TestContinuedWaitIsCountedOnce(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(solution))
	e.after(11*time.Second, func() { e.SetContinueAsNewSuggested(true) })
	_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})
	require.True(t, workflow.IsContinueAsNewError(err))
	e.requireEnded(map[string]int64{})

	next, input := e.nextRun()
	next.service.Script(taskID, simulator.Ready(solution))
	out, err := next.awaitInput(input)
	require.NoError(t, err)
	next.requireEnded(ended(int64(out.Polls), "ready"))
	require.Greater(t, out.Polls, 1)
	require.Greater(t, next.latencies("ready")[0], 11*time.Second, "it counts from the first run's start")
}

func TestInlineWaitsAreCounted(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
	e.newTasks = solvedBy(simulator.Ready(solution))
	require.NoError(t, e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID})
		require.NoError(t, err)
		_, err = workflows.Await(ctx, workflows.AwaitTaskResultInput{})
		require.Error(t, err)
		_, err = workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true})
		require.Error(t, err, "nobody hands it its calls")
		_, err = workflows.Solve(ctx, toSolve)
		require.NoError(t, err)
		_, err = workflows.Solve(ctx, workflows.SolveTaskInput{})
		require.Error(t, err)
		return nil
	}))
	e.requireEnded(ended(3, "ready", "ready", "InvalidInput", "InvalidInput", "InvalidInput"))
}

// SolveTask counts each attempt's wait, and an end without one.
func TestAttemptsOfSolveTaskAreCounted(t *testing.T) {
	t.Parallel()
	unsolvable := simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")
	for name, test := range map[string]struct {
		tasks []simulator.Submission
		want  map[string]int64
	}{
		"solved":                {solvedBy(simulator.Ready(solution)), ended(1, "ready")},
		"solved in the second":  {solvedBy(unsolvable, simulator.Ready(solution)), ended(2, "ERROR_CAPTCHA_UNSOLVABLE", "ready")},
		"never solved":          {solvedBy(unsolvable), ended(2, "ERROR_CAPTCHA_UNSOLVABLE", "ERROR_CAPTCHA_UNSOLVABLE")},
		"refused":               {[]simulator.Submission{refusedWith(simulator.Error("ERROR_ZERO_BALANCE"))}, ended(0, "ERROR_ZERO_BALANCE")},
		"refused in the second": {[]simulator.Submission{solvedBy(unsolvable)[0], refusedWith(simulator.Error("ERROR_OF_TOMORROW"))}, ended(1, "ERROR_CAPTCHA_UNSOLVABLE", "other_code")},
		"not submitted":         {[]simulator.Submission{refusedWith(simulator.Status(429, ""))}, ended(0, "NotSubmitted")},
		"an unknown outcome":    {[]simulator.Submission{boughtBut(simulator.HTMLPage())}, ended(0, "CreateTaskOutcomeUnknown")},
		"solved at once":        {[]simulator.Submission{boughtBut(simulator.Body(`{"errorId":0,"status":"ready","solution":{"text":"x"},"cost":"0.001"}`))}, withCost(ended(0, "ready"), 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.newTasks = test.tasks
			in := toSolve
			in.Attempts = 2
			_, _ = e.solve(in)
			e.requireEnded(test.want)
		})
	}
}

// withCost is counts with another cost, or with none if it is negative.
func withCost(counts map[string]int64, millionths int64) map[string]int64 {
	counts["twocaptcha_cost_millionths"] = millionths
	if millionths < 0 {
		delete(counts, "twocaptcha_cost_millionths")
	}
	return counts
}

func TestInvalidInputOfSolveTaskIsCounted(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	_, err := e.solveInput(json.RawMessage(`{"task":7}`))
	require.Error(t, err)
	e.requireEnded(ended(0, "InvalidInput"))
	require.Equal(t, seconds(0), e.latencies("InvalidInput"))
}

// A task that a call has named, and that the service does not know, is nobody's attempt. The
// requests for it were sent all the same.
func TestPollsOfARefusedTaskAreCounted(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(unknownOutcome(true))
	e.after(3*time.Second, func() {
		e.SignalWorkflow(workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: 77, Submission: e.submissionInput(1).Submission})
	})
	_, err := e.solve(toSolve)
	requireOutcomeUnknown(t, err)
	e.requireEnded(ended(1, "CreateTaskOutcomeUnknown"))
}

func TestCostIsCountedInMillionths(t *testing.T) {
	t.Parallel()
	for cost, millionths := range map[string]int64{
		`"0.00299"`:              2990,
		`"0.000249"`:             249, // in floating point it would be 248
		`"0.0000009"`:            0,
		`"0"`:                    0,
		`0.5`:                    500_000,
		`5e-05`:                  50, // a number as Python writes it
		`"1000000"`:              1_000_000_000_000,
		`"1000000.0000000001"`:   -1,
		`"-7"`:                   -1,
		`"-0"`:                   -1,
		`"+1"`:                   -1,
		`"1e40"`:                 -1,
		`"1e999999999"`:          -1,
		`"1/3"`:                  -1,
		`"0x10"`:                 -1,
		`"1_000"`:                -1,
		`"NaN"`:                  -1,
		`"Inf"`:                  -1,
		`"0,5"`:                  -1,
		`"$1"`:                   -1,
		`""`:                     -1,
		`"99999999999999999999"`: -1,
		`"1 2"`:                  -1,
		`null`:                   -1,
		`{}`:                     -1,
	} {
		t.Run(cost, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Body(`{"errorId":0,"status":"ready","solution":{},"cost":`+cost+`}`))
			_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})
			require.NoError(t, err)
			e.requireEnded(withCost(ended(1, "ready"), millionths))
		})
	}
}

func TestAgeOfAResult(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		endTime string
		ages    []time.Duration
	}{
		"four seconds":         {`,"endTime":1767323046`, seconds(4)}, // the poll comes 5 s after the start, at :50
		"none":                 {``, nil},
		"ahead of our clock":   {`,"endTime":1767399999`, nil},
		"before all times":     {`,"endTime":-5`, nil},
		"of no time":           {`,"endTime":0`, nil},
		"beyond all times":     {`,"endTime":9223372036854775807`, nil},
		"in milliseconds":      {`,"endTime":1767323045000`, nil},
		"what is not a number": {`,"endTime":"yesterday"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironmentAt(t, time.Unix(1767323045, 0))
			e.service.Script(taskID, simulator.Body(`{"errorId":0,"status":"ready","solution":{}`+test.endTime+`}`))
			_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})
			require.NoError(t, err)
			require.Equal(t, test.ages, e.metrics.Timers()["twocaptcha_result_age"])
		})
	}
}

const missedCalls = "twocaptcha_missed_callbacks"

func TestMissedCallIsCounted(t *testing.T) {
	t.Parallel()
	ready := simulator.ReadyAfter(18*time.Second, solution)
	for name, test := range map[string]struct {
		input  workflows.AwaitTaskResultInput
		called time.Duration // 0: not
		answer simulator.Answer
		missed int64
	}{
		"no call":                {withCallback, 0, ready, 1},
		"a call":                 {withCallback, 18 * time.Second, ready, 0},
		"a call that is early":   {withCallback, 3 * time.Second, simulator.ReadyAfter(30*time.Second, solution), 0},
		"a call that is late":    {withCallback, 25 * time.Second, ready, 1},
		"nobody expects a call":  {workflows.AwaitTaskResultInput{TaskID: taskID}, 0, ready, 0},
		"no result to tell of":   {withCallback, 0, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), 0},
		"by attempts, no call":   {workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true, Polling: workflows.PollingActivityRetry}, 0, ready, 1},
		"by attempts and called": {workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true, Polling: workflows.PollingActivityRetry}, 18 * time.Second, ready, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, test.answer)
			if test.called > 0 {
				e.signalAfter(test.called)
			}
			_, _ = e.await(test.input)
			require.Equal(t, test.missed, e.metrics.Counters()[missedCalls])
			require.Equal(t, test.missed > 0, strings.Contains(e.log.String(),
				"A poll found the result of a task whose callback did not come."), e.log.String())
		})
	}
}

// A call that woke a run of the wait before this one has come.
func TestCallIsNotMissedInALaterRun(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing())
	e.signalAfter(3 * time.Second)
	e.after(4*time.Second, func() { e.SetContinueAsNewSuggested(true) })
	_, err := e.await(withCallback)
	require.True(t, workflow.IsContinueAsNewError(err))
	next, input := e.nextRun()
	next.service.Script(taskID, simulator.Ready(solution))
	_, err = next.awaitInput(input)
	require.NoError(t, err)
	require.Zero(t, next.metrics.Counters()[missedCalls])
}

func TestSolveTasksMissedCallIsCounted(t *testing.T) {
	t.Parallel()
	for name, called := range map[string]bool{"no call": false, "a call": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.submission = func(submission.Input, func() (any, error)) (any, error) {
				return submission.Output{TaskID: taskID, Callback: true}, nil
			}
			e.service.Script(taskID, simulator.ReadyAfter(4*time.Second, solution))
			if called {
				e.signalAfter(5 * time.Second)
			}
			_, err := e.solve(toSolve)
			require.NoError(t, err)
			require.Equal(t, !called, e.metrics.Counters()[missedCalls] == 1)
		})
	}
}

// If calls don't come, none does: a line for each would bury all others.
func TestMissedCallsAreWarnedOfEveryTenMinutes(t *testing.T) {
	t.Parallel()
	e := newParentEnvironment(t)
	const waits = 25
	require.NoError(t, e.runParent(func(ctx workflow.Context) error {
		for i := range waits {
			id := taskID + int64(i)
			e.service.Script(id, simulator.Ready(solution))
			child := workflow.WithChildOptions(ctx, workflows.ChildOptions(id))
			in := workflows.AwaitTaskResultInput{TaskID: id, Callback: true}
			if err := workflow.ExecuteChildWorkflow(child, workflows.AwaitTaskResultWorkflow, in).Get(ctx, nil); err != nil {
				return err
			}
			if err := workflow.Sleep(ctx, time.Minute); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Equal(t, int64(waits), e.metrics.Counters()[missedCalls])
	require.Equal(t, 3, strings.Count(e.log.String(), "whose callback did not come"), "at first, and after 10 and 20 minutes\n%s", e.log)
}
