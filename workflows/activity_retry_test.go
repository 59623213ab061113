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

// The retry policy knows an attempt's number, not how many of those before have failed.
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
		require.Equal(t, 20*time.Second, times[3]-times[2], "the third attempt's delay")
		require.Equal(t, 30*time.Second, times[5]-times[4], "the most of the policy")
		for _, afterAnswer := range []int{1, 2, 4, 6} {
			require.Less(t, times[afterAnswer]-times[afterAnswer-1], 15*time.Second, "the schedule's interval after an answer")
		}
		require.Len(t, e.timers, 1)
	})
}

func TestWakeUpBeforeTheFirstAttempt(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
		e.signalAfter(2 * time.Second)

		out, err := e.await(seldom)

		require.NoError(t, err)
		require.Equal(t, 2, out.Polls)
		times := e.requestTimes(taskID)
		require.Equal(t, 2*time.Second, times[0])
		require.GreaterOrEqual(t, times[1], 32*time.Second)
	})
}

// An attempt that is due later can't be hurried, and a signal adds only its own event.
func TestSignalsBetweenAttempts(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string]int{"one": 1, "hundreds": 500} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withRetries(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, simulator.ReadyAfter(70*time.Second, solution))
				for number := range signals {
					e.signalAfter(6*time.Second + time.Duration(number)*100*time.Millisecond)
				}

				out, err := e.await(seldom)

				require.NoError(t, err)
				require.Equal(t, 4, out.Polls)
				undisturbed := newEnvironment(t)
				undisturbed.polling = e.polling
				undisturbed.service.Script(taskID, simulator.ReadyAfter(70*time.Second, solution))
				_, err = undisturbed.await(seldom)
				require.NoError(t, err)
				require.Equal(t, undisturbed.requestTimes(taskID), e.requestTimes(taskID))
				require.Len(t, e.timers, 1)
				require.Len(t, e.polls, 1)
			})
		})
	}
}

// If another activity follows, after the 10 attempts of a test environment, the delay of its first
// attempt holds too.
func TestSignalBetweenAttemptsIsNoHurryLater(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)
		in := seldom
		in.Timeout = 6 * time.Minute
		e.signalAfter(time.Minute)

		_, err := e.await(in)

		require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
		require.Greater(t, len(e.polls), 1)
		in.InitialDelay, in.MaxPollInterval = 5*time.Second, 30*time.Second
		e.requireScheduled(in)
	})
}

func TestActivityThatItsDelayEnds(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		// A ban of 3 minutes does not fit into 2.
		e.service.Script(taskID, simulator.Processing(), simulator.Error("ERROR_IP_BLOCKED"), simulator.Ready(solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 2 * time.Minute})

		require.NoError(t, err)
		require.Equal(t, 3, out.Polls)
		require.Len(t, e.polls, 2)
		polls := e.polls[0].input.(polling.Input)
		require.True(t, polls.StartedAt.Equal(e.start))
		require.True(t, polls.Deadline.Equal(e.start.Add(2*time.Minute)))
		require.Equal(t, activities.GetTaskResultInput{TaskID: taskID}, e.polls[1].input, "the last poll is not repeated")
		require.Equal(t, temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2,
			MaximumInterval: 30 * time.Second, MaximumAttempts: 1}, *e.polls[1].options.RetryPolicy, "the last poll")
		require.Equal(t, seconds(5, 10.205, 120), e.requestTimes(taskID))
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
		require.Len(t, e.requestTimes(taskID), details.Polls)
		require.Len(t, e.polls, 2)
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
				require.Equal(t, int32(1), e.polls[1].options.RetryPolicy.MaximumAttempts)
			})
		})
	}
}
