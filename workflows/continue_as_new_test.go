package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func requireContinued(t *testing.T, err error) {
	t.Helper()
	require.True(t, workflow.IsContinueAsNewError(err), "%v", err)
}

// suggestContinueAsNewAtPoll has the history grow too long with a poll of this run.
func (e *environment) suggestContinueAsNewAtPoll(number int) {
	e.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) {
		if len(e.polls) == number {
			e.SetContinueAsNewSuggested(true)
		}
	})
}

func TestContinueAsNewAfterAPoll(t *testing.T) {
	t.Parallel()
	first := newEnvironment(t)
	first.service.Script(taskID)
	first.suggestContinueAsNewAtPoll(2)

	_, err := first.await(seldom)

	requireContinued(t, err)
	second := first.timers[1].at + first.timers[1].duration
	require.Equal(t, []time.Duration{5 * time.Second, second}, first.requestTimes(taskID))
	require.Len(t, first.timers, 2, "it continues after the poll, before the next timer")

	next, input := first.nextRun()
	next.service.Script(taskID)
	next.after(time.Second, func() {
		status := next.status()
		require.Equal(t, first.start, *status.StartedAt)
		require.Equal(t, first.start.Add(15*time.Minute), *status.Deadline)
		require.Equal(t, first.start.Add(second), *status.LastPollAt)
		require.Equal(t, 2, status.Polls)
		require.Equal(t, "processing", status.LastStatus)
	})

	_, err = next.awaitInput(input)

	failure := applicationError(t, err)
	require.Equal(t, workflows.ErrorTypeTaskTimeout, failure.Type())
	require.Equal(t, 15*time.Minute, next.elapsed(), "the deadline is that of the first run")
	require.Equal(t, 2+len(next.service.RequestsFor(taskID)), errorDetails(t, failure).Polls)
}

// A wait that continues as new polls when it would have polled otherwise.
func TestContinueAsNewKeepsTheSchedule(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, whole *environment) {
		in := workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: 3 * time.Second, MaxPollInterval: time.Minute,
			Timeout: 10 * time.Minute}
		whole.service.Script(taskID)
		_, err := whole.await(in)
		require.Error(t, err)

		e := newEnvironment(t)
		e.polling = whole.polling
		e.service.Script(taskID)
		e.SetContinueAsNewSuggested(true)
		_, err = e.await(in) // before the first poll
		requests := e.requestTimes(taskID)
		require.Empty(t, requests)
		runs := 1
		for ; workflow.IsContinueAsNewError(err); runs++ {
			require.Less(t, runs, 100, "it goes on for ever")
			next, input := e.nextRun()
			e = next
			e.service.Script(taskID)
			e.suggestContinueAsNewAtPoll(1)
			_, err = e.awaitInput(input)
			requests = append(requests, e.requestTimes(taskID)...)
		}

		require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
		require.Equal(t, len(requests), errorDetails(t, applicationError(t, err)).Polls, "counted over all runs")
		require.Greater(t, runs, 2)
		require.Equal(t, whole.requestTimes(taskID), requests)
	})
}

func TestContinueAsNewAfterAWakeUp(t *testing.T) {
	t.Parallel()
	first := newEnvironment(t)
	first.service.Script(taskID)
	first.after(7*time.Second, func() { first.SetContinueAsNewSuggested(true) })
	first.signalAfter(8 * time.Second)

	_, err := first.await(seldom)

	requireContinued(t, err)
	require.Equal(t, 8*time.Second, first.elapsed())
	require.Equal(t, seconds(5), first.requestTimes(taskID))

	next, input := first.nextRun()
	next.service.Script(taskID, simulator.Ready(solution))
	out, err := next.awaitInput(input)

	require.NoError(t, err)
	require.Equal(t, 2, out.Polls)
	require.Equal(t, seconds(10), next.requestTimes(taskID), "the wake-up holds, 5 s after the poll of the first run")
}

func TestContinueAsNewAfterAForeignSignal(t *testing.T) {
	t.Parallel()
	first := newEnvironment(t)
	first.service.Script(taskID)
	first.after(7*time.Second, func() { first.SetContinueAsNewSuggested(true) })
	first.after(8*time.Second, func() { first.SignalWorkflow(workflows.TaskCallbackSignal, "odd") })

	_, err := first.await(seldom)

	requireContinued(t, err)
	next, input := first.nextRun()
	next.service.Script(taskID, simulator.Ready(solution))
	_, err = next.awaitInput(input)
	require.NoError(t, err)
	require.Equal(t, first.timers[1].at+first.timers[1].duration, next.requestTimes(taskID)[0])
}

func TestContinueAsNewKeepsThatTheTaskWasSeen(t *testing.T) {
	t.Parallel()
	first := newEnvironment(t)
	first.service.Script(taskID)
	first.suggestContinueAsNewAtPoll(2)
	_, err := first.await(seldom)
	requireContinued(t, err)

	next, input := first.nextRun()
	next.service.Script(taskID, simulator.Expired())
	_, err = next.awaitInput(input)

	details := errorDetails(t, applicationError(t, err))
	require.True(t, details.Expired)
	require.Equal(t, 3, details.Polls)
	require.Equal(t, "processing", details.LastStatus)
}

func TestContinueAsNewKeepsTheDelayThatAFailureAskedFor(t *testing.T) {
	t.Parallel()
	first := newEnvironment(t)
	first.attempt = func(context.Context, func() (any, error)) (any, error) {
		first.SetContinueAsNewSuggested(true)
		return nil, temporal.NewApplicationErrorWithOptions("banned", "ERROR_IP_BLOCKED",
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour})
	}
	_, err := first.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 30 * time.Minute})
	requireContinued(t, err)

	next, input := first.nextRun()
	next.service.Script(taskID)
	next.signalAfter(time.Minute)
	next.after(2*time.Minute, func() { require.Equal(t, "banned", next.status().LastError) })
	_, err = next.awaitInput(input)

	require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
	require.Equal(t, []time.Duration{30 * time.Minute}, next.requestTimes(taskID))
}

func TestContinueAsNewIsNotForAWaitThatHasEnded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer simulator.Answer
		code   string
	}{
		"ready":   {simulator.Ready(solution), ""},
		"verdict": {simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), "ERROR_CAPTCHA_UNSOLVABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, test.answer)
				e.suggestContinueAsNewAtPoll(1)

				_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

				require.Equal(t, test.code, workflows.ErrorCode(err))
				require.False(t, workflow.IsContinueAsNewError(err))
			})
		})
	}
}
