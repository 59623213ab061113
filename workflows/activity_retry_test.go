package workflows_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestPollsAreAttemptsOfOneActivity(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.ReadyAfter(31*time.Second, solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.JSONEq(t, solution, string(out.Solution))
		require.Equal(t, 7, out.Polls)
		require.Equal(t, seconds(5, 10.205, 15.245, 20.25, 25.37, 30.51, 35.535), e.requestTimes(taskID))
		require.Equal(t, []timerRecord{{0, 5 * time.Second, "before polls of task 74372499131, from poll 1 on"}}, e.timers)
		require.Len(t, e.polls, 1)
		require.Equal(t, "polls of task 74372499131, from poll 1 on", e.polls[0].options.Summary)
	})
}

// The delays double with failures in a row, as a poll's that is an activity, and not with the
// attempt's number.
func TestTransientFailureAmongPolls(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		processing := simulator.Processing()
		e.service.Script(taskID, processing, processing, simulator.Status(500, ""), processing, simulator.Status(500, ""), processing,
			simulator.Ready(solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.Equal(t, 7, out.Polls)
		times := e.requestTimes(taskID)
		for _, afterFailure := range []int{3, 5} {
			require.Equal(t, 5*time.Second, times[afterFailure]-times[afterFailure-1], "the first delay, however many polls there were")
		}
		require.Len(t, e.polls, 1)
		require.Len(t, e.timers, 1)
	})
}

// A wake-up must not cancel the activity while it waits long for a failed poll's repeat. The
// workflow can't see that, so that the activity hands the repeat back.
func TestFailuresInARowAreHandedBack(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		down, processing := simulator.Status(500, ""), simulator.Processing()
		e.service.Script(taskID, processing, down, down, down, down, processing, processing, simulator.Ready(solution))
		e.signalAfter(45 * time.Second) // while the second failure's repeat waits

		out, err := e.await(seldom)

		require.NoError(t, err)
		times := e.requestTimes(taskID)
		require.Len(t, times, 8)
		require.Equal(t, seconds(5, 10, 20, 30), []time.Duration{
			times[2] - times[1], times[3] - times[2], times[4] - times[3], times[5] - times[4]})
		require.Equal(t, 5*time.Second, times[6]-times[5], "by the wake-up, which has waited")
		require.Equal(t, []string{
			"polls of task 74372499131, from poll 1 on", "polls of task 74372499131, from poll 4 on", "polls of task 74372499131, from poll 7 on",
		}, e.pollSummaries())
		require.Equal(t, 8, out.Polls)
	})
}

func TestWakeUpBeforeTheFirstAttempt(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(solution))
		e.signalAfter(2 * time.Second)

		out, err := e.await(seldom)

		require.NoError(t, err)
		require.Equal(t, 3, out.Polls)
		times := e.requestTimes(taskID)
		require.Equal(t, seconds(2, 7), times[:2])
		require.GreaterOrEqual(t, times[2], 37*time.Second)
		require.Len(t, e.polls, 1)
	})
}

// The activity that waits for its next attempt is canceled, and another one polls 5 s later.
func TestSignalBetweenAttempts(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string]int{"one": 1, "hundreds": 500} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.polling = workflows.PollingActivityRetry
			e.service.Script(taskID, simulator.ReadyAfter(20*time.Second, solution))
			for number := range signals {
				e.signalAfter(12*time.Second + time.Duration(number)*time.Millisecond)
			}

			out, err := e.await(seldom)

			require.NoError(t, err)
			require.Equal(t, 3, out.Polls)
			times := e.requestTimes(taskID)
			require.Len(t, times, 3)
			require.Equal(t, seconds(5, 17), times[:2])
			require.InDelta(t, 22, times[2].Seconds(), 2.6, "it found the task processing: once more, 5 s later")
			require.Len(t, e.polls, 2)
			require.Equal(t, 1, e.polls[1].input.(polling.Input).Polls)
		})
	}
}

func TestActivityThatItsDelayEnds(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		// A ban of 3 minutes does not fit into 2: the last poll is due in it, and sends nothing before
		// its end.
		e.service.Script(taskID, simulator.Processing(), simulator.Error("ERROR_IP_BLOCKED"), simulator.Ready(solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 2 * time.Minute})

		require.NoError(t, err)
		require.Equal(t, 3, out.Polls)
		require.Len(t, e.polls, 2)
		polls := e.polls[0].input.(polling.Input)
		require.True(t, polls.StartedAt.Equal(e.start))
		require.True(t, polls.Deadline.Equal(e.start.Add(2*time.Minute)))
		require.Equal(t, activities.GetTaskResultInput{TaskID: taskID}, e.polls[1].input, "the last poll is an activity of its own")
		e.requireLastPoll(e.polls[1])
		require.Equal(t, seconds(5, 10.205, 190.205), e.requestTimes(taskID))
	})
}

// In the test environment an activity ends after 10 attempts. What the wait knows by then, it knows
// at its end.
func TestStatusThatAnActivityEndedWithIsKept(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, append(slices.Repeat([]simulator.Answer{simulator.Processing()}, 10), simulator.HTMLPage())...)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 70 * time.Second})

		details := errorDetails(t, applicationError(t, err))
		require.Equal(t, "processing", details.LastStatus)
		require.Contains(t, details.LastError, "HTTP status 521")
		require.Equal(t, 13, details.Polls, "ten, two that failed, and the last, whatever its attempts")
		require.Equal(t, 10, e.polls[1].input.(polling.Input).Polls)
	})
}

// Without a worker the activity's time ends unseen. Its last attempt's failure is all that is known
// of it then.
func TestActivityWithoutAWorker(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cause error
		polls int
	}{
		"after polls": {temporal.NewApplicationErrorWithOptions("not ready", activities.ErrorTypeNotReady,
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour,
				Details: []any{workflows.ErrorDetails{TaskID: taskID, Polls: 7, LastStatus: "processing"}}}), 8},
		"before any":          {nil, 2},
		"of another version":  {temporal.NewApplicationError("not ready", activities.ErrorTypeNotReady, "details of another shape"), 2},
		"without any details": {temporal.NewApplicationError("not ready", activities.ErrorTypeNotReady), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withRetries(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, simulator.Expired())
				e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
					if len(e.polls) == 1 {
						e.clockSkip = time.Hour // till there is a worker again
						return nil, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, test.cause)
					}
					return request()
				}

				_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 2 * time.Minute})

				failure := applicationError(t, err)
				require.Equal(t, "ERROR_NO_SUCH_CAPCHA_ID", failure.Type(), "the last poll is made")
				details := errorDetails(t, failure)
				require.Equal(t, test.polls, details.Polls)
				require.True(t, details.Expired)
				require.Equal(t, test.cause != nil, details.LastStatus == "processing")
				require.Equal(t, seconds(10), e.requestTimes(taskID), "5 s after its end, by the clock that was not set forward")
				require.Len(t, e.polls, 2)
				e.requireLastPoll(e.polls[1])
			})
		})
	}
}
