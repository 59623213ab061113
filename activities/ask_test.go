package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// lateAttempt is an attempt of an activity with 90 s in all and 30 s an attempt, so long after the
// activity was scheduled.
func lateAttempt(number int32, after time.Duration) func(*activity.Info) {
	return func(info *activity.Info) {
		info.Attempt, info.StartedTime = number, time.Now()
		info.ScheduledTime = info.StartedTime.Add(-after)
		info.StartToCloseTimeout, info.ScheduleToCloseTimeout = 30*time.Second, 90*time.Second
		info.WorkflowExecution.ID = "" // nobody is to be asked whether it is due
	}
}

// The activity could be over before the answer of such an attempt is there, and the next request
// would come too close to it.
func TestRepeatedAttemptWithoutItsWholeTimeSendsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attempt  func(*activity.Info)
		requests int
	}{
		"a repeat in time":                                  {lateAttempt(2, 60*time.Second), 1},
		"a repeat just too late":                            {lateAttempt(2, 60*time.Second+time.Millisecond), 0},
		"a repeat after the end":                            {lateAttempt(3, 5*time.Minute), 0},
		"a first attempt that has waited long for a worker": {lateAttempt(1, 80*time.Second), 1},
		"an activity of one attempt's time": {func(info *activity.Info) {
			lateAttempt(2, 50*time.Second)(info)
			info.StartToCloseTimeout = info.ScheduleToCloseTimeout // as the server sets it if the caller gave none
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Processing())
			e.changeAttempt(test.attempt)

			_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

			require.Len(t, e.service.Requests(), test.requests)
			if test.requests > 0 {
				require.NoError(t, err)
				return
			}
			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
			require.False(t, failure.NonRetryable())
			require.Contains(t, failure.Message(), "not sent: less than 30s are left of the 1m30s that the activity has")
			require.GreaterOrEqual(t, failure.NextRetryDelay(), 30*time.Second, "it closes the activity at once")
		})
	}
}

// Whoever scheduled the activity goes on at once, without waiting for an attempt that would send
// nothing.
func TestFailureWhoseRepeatWouldBeTooLateClosesTheActivity(t *testing.T) {
	t.Parallel()
	policy := &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second}
	for name, test := range map[string]struct {
		answer simulator.Answer
		number int32
		after  time.Duration
		policy *temporal.RetryPolicy
		delay  time.Duration // 0: the policy's
	}{
		"in time by the policy":              {simulator.Status(500, ""), 3, 39 * time.Second, policy, 0},
		"too late by the policy":             {simulator.Status(500, ""), 3, 41 * time.Second, policy, 50 * time.Second},
		"a policy that is not told":          {simulator.Status(500, ""), 4, 31 * time.Second, nil, 60 * time.Second},
		"in time by the service":             {simulator.RetryAfter(503, "20"), 1, 39 * time.Second, policy, 20 * time.Second},
		"too late by the service":            {simulator.RetryAfter(503, "20"), 1, 41 * time.Second, policy, 50 * time.Second},
		"banned for longer than there is":    {simulator.Error("ERROR_IP_BLOCKED"), 1, 0, policy, 3*time.Minute + 30*time.Second},
		"without a MaximumInterval":          {simulator.Status(500, ""), 7, 0, &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2}, 94 * time.Second},
		"a policy that is quicker than ours": {simulator.Status(500, ""), 7, 50 * time.Second, &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, test.answer)
			e.changeAttempt(func(info *activity.Info) {
				lateAttempt(test.number, test.after)(info)
				info.RetryPolicy = test.policy
			})

			_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

			failure := applicationError(t, err)
			require.False(t, failure.NonRetryable())
			require.Equal(t, test.delay, failure.NextRetryDelay())
			require.Equal(t, taskID, errorDetails(t, failure).TaskID)
			require.NotEmpty(t, errorDetails(t, failure).LastError)
		})
	}
}

// Polls that are known to have sent nothing don't count.
func TestAttemptsThatSentNothingAreNotCounted(t *testing.T) {
	t.Parallel()
	var wall clock
	e := newEnvironmentOf(t, []activities.Option{activities.WithClock(wall.Now)})
	e.service.Script(taskID, simulator.Processing())
	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
	require.NoError(t, err)
	s := newSchedule(time.Minute, 10*time.Minute)
	e.changeAttempt(attemptOf(s, 4, 10*time.Minute))
	e.SetHeartbeatDetails(map[string]int{"unsent": 2})
	var recorded map[string]int
	e.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) { require.NoError(t, details.Get(&recorded)) })

	_, err = e.pollTaskResult(s, 6)

	failure := applicationError(t, err)
	var details activities.ErrorDetails
	var notSent polling.NotSent
	require.NoError(t, failure.Details(&details, &notSent))
	require.Equal(t, 1, notSent.Requests, "of the three attempts before this one, two are known to have sent nothing")
	require.Equal(t, 7, details.Polls)
	require.Equal(t, map[string]int{"unsent": 3}, recorded, "the next attempt learns of it")

	wall.move(time.Minute)
	_, err = e.pollTaskResult(s, 6)
	require.Equal(t, activities.ErrorTypeNotReady, applicationError(t, err).Type())
	require.Equal(t, 8, errorDetails(t, applicationError(t, err)).Polls)
}

// Nobody knows of a request that found no connection.
func TestAttemptsWithoutAConnectionAreNotCounted(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t, func(options *twocaptcha.Options) { options.URL = "http://127.0.0.1:1" })
	recorded := map[string]int{}
	e.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) { require.NoError(t, details.Get(&recorded)) })
	requireUnsent := func(err error, requests, polls int) {
		t.Helper()
		failure := applicationError(t, err)
		require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
		require.False(t, failure.NonRetryable())
		var details activities.ErrorDetails
		notSent := polling.NotSent{Requests: -1}
		require.NoError(t, failure.Details(&details, &notSent))
		require.Equal(t, requests, notSent.Requests)
		require.Equal(t, polls, details.Polls)
		require.Contains(t, details.LastError, "connection refused")
	}

	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
	requireUnsent(err, 0, 0)
	require.Equal(t, map[string]int{"unsent": 1}, recorded)

	s := newSchedule(time.Minute, 10*time.Minute)
	e.changeAttempt(attemptOf(s, 4, 10*time.Minute))
	e.SetHeartbeatDetails(map[string]int{"unsent": 1, "failures": 1})
	_, err = e.pollTaskResult(s, 6)
	requireUnsent(err, 2, 8)
	require.Equal(t, map[string]int{"unsent": 2, "failures": 2}, recorded)

	out, err := e.pollTaskResult(s, 6, func(in *polling.Input) { in.HandBack = true })
	require.NoError(t, err)
	require.Equal(t, 8, out.Polls)
	require.Equal(t, 2, out.Failures)
}
