package activities_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// newSchedule is the one of an input without settings, of a wait that began in the past: its
// attempts begin now.
func newSchedule(waited, left time.Duration) *schedule.Schedule {
	now := time.Now()
	return &schedule.Schedule{
		TaskID: taskID, StartedAt: now.Add(-waited), InitialDelay: 5 * time.Second,
		PollInterval: 5 * time.Second, MaxPollInterval: 10 * time.Second, Deadline: now.Add(left),
	}
}

// attemptOf is an attempt of that number that begins so long before the schedule's deadline.
func attemptOf(s *schedule.Schedule, number int32, beforeDeadline time.Duration) func(*activity.Info) {
	return func(info *activity.Info) {
		info.Attempt, info.StartedTime, info.StartToCloseTimeout = number, s.Deadline.Add(-beforeDeadline), 0
		info.WorkflowExecution.ID = "" // nobody is to be asked whether it is due
	}
}

func TestScheduledAttemptThatIsNotReady(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		waited, left time.Duration // at the attempt's start
		attempt      int32
		polls        int  // before the activity
		soon         bool // after a wake-up
		delay        time.Duration
	}{
		"first":                         {5 * time.Second, 15 * time.Minute, 1, 0, false, 5205 * time.Millisecond},
		"second":                        {5 * time.Second, 15 * time.Minute, 2, 0, false, 5040 * time.Millisecond},
		"first of a second activity":    {5 * time.Second, 15 * time.Minute, 1, 1, false, 5040 * time.Millisecond},
		"after long":                    {5 * time.Minute, 10 * time.Minute, 4, 0, false, 10_240 * time.Millisecond},
		"after a wake-up":               {5 * time.Minute, 10 * time.Minute, 1, 3, true, 5 * time.Second},
		"second after a wake-up":        {5 * time.Minute, 10 * time.Minute, 2, 2, true, 10_240 * time.Millisecond},
		"with room before the deadline": {5 * time.Minute, 16 * time.Second, 4, 0, false, 10_240 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Processing())
			s := newSchedule(test.waited, test.left)
			e.changeAttempt(attemptOf(s, test.attempt, test.left))

			begun := time.Now()
			_, err := e.pollTaskResult(s, test.polls, func(in *polling.Input) { in.Soon = test.soon })
			took := time.Since(begun)

			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeNotReady, failure.Type())
			require.False(t, failure.NonRetryable())
			require.Equal(t, temporal.ApplicationErrorCategoryBenign, failure.Category(), "it is what is expected")
			delay := failure.NextRetryDelay()
			require.GreaterOrEqual(t, delay, test.delay)
			require.LessOrEqual(t, delay, test.delay+took, "15 %% of the time that it takes at most")
			require.Equal(t, "task 74372499131: not ready, the next poll is due in "+delay.Round(time.Millisecond).String(),
				failure.Message())
			require.Equal(t, activities.ErrorDetails{
				TaskID: taskID, Polls: test.polls + int(test.attempt), LastStatus: "processing",
				LastError: "not ready, the next poll is due in " + delay.Round(time.Millisecond).String(),
			}, errorDetails(t, failure))
			require.Len(t, e.service.Requests(), 1)
		})
	}
}

// The last poll is an activity of its own, so that this one ends before it. An attempt that begins
// on the deadline or later, since no worker took it before, is the last poll if it is answered.
func TestScheduledAttemptBeforeTheLastPoll(t *testing.T) {
	t.Parallel()
	const slow = 300 * time.Millisecond
	for name, test := range map[string]struct {
		left  time.Duration // at the attempt's start
		delay time.Duration // of the answer
		last  bool
	}{
		"the next poll is on the deadline":      {left: 14 * time.Second},
		"the deadline is within 5 s":            {left: time.Second},
		"the next one is later by the answer":   {left: 15*time.Second + slow/2, delay: slow},
		"the deadline passes before the answer": {left: slow / 2, delay: slow},
		"the attempt begins on the deadline":    {left: 0, last: true},
		"the attempt begins after the deadline": {left: -19 * time.Second, last: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Processing().WithDelay(test.delay))
			s := newSchedule(5*time.Minute, test.left)
			e.changeAttempt(attemptOf(s, 4, test.left))

			out, err := e.pollTaskResult(s, 3)

			require.NoError(t, err)
			require.Equal(t, polling.Output[twocaptcha.TaskResult]{
				Result: twocaptcha.TaskResult{Status: "processing"}, Polls: 7, Last: test.last,
			}, out)
			require.Len(t, e.service.Requests(), 1)
		})
	}
}

// What is no "processing" is the same with a schedule as without, but for the polls.
func TestScheduledAttemptThatIsDecided(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer       simulator.Answer
		errorType    string // "": it is ready
		nonRetryable bool
		benign       bool
		delay        time.Duration
	}{
		"ready": {answer: simulator.Ready(`{"text":"hello"}`)},
		"unsolvable": {answer: simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), errorType: "ERROR_CAPTCHA_UNSOLVABLE",
			nonRetryable: true, benign: true},
		"unknown code": {answer: simulator.Error("ERROR_NEW"), errorType: "ERROR_NEW", nonRetryable: true},
		"errorId without code": {answer: simulator.Body(`{"errorId":1}`), errorType: activities.ErrorTypeUnexpectedResponse,
			nonRetryable: true},
		"HTTP 500": {answer: simulator.Status(500, ""), errorType: activities.ErrorTypeRequestFailed, delay: 5 * time.Second},
		"no JSON":  {answer: simulator.Body(""), errorType: activities.ErrorTypeUnexpectedResponse, delay: 5 * time.Second},
		"Retry-After": {answer: simulator.RetryAfter(429, "42"), errorType: activities.ErrorTypeRequestFailed,
			delay: 42 * time.Second},
		"banned": {answer: simulator.Error("ERROR_IP_BLOCKED"), errorType: "ERROR_IP_BLOCKED", delay: 3 * time.Minute},
	} {
		for when, beforeDeadline := range map[string]time.Duration{"": time.Minute, ", on the deadline": 0} {
			t.Run(name+when, func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t)
				e.service.Script(taskID, test.answer)
				s := newSchedule(5*time.Minute, time.Minute)
				e.changeAttempt(attemptOf(s, 4, beforeDeadline))

				out, err := e.pollTaskResult(s, 3)

				if test.errorType == "" {
					require.NoError(t, err)
					require.Equal(t, "ready", out.Result.Status)
					require.JSONEq(t, `{"text":"hello"}`, string(out.Result.Solution))
					require.Equal(t, 7, out.Polls)
					return
				}
				failure := applicationError(t, err)
				require.Equal(t, test.errorType, failure.Type())
				require.Equal(t, test.nonRetryable, failure.NonRetryable())
				require.Equal(t, test.benign || !test.nonRetryable, failure.Category() == temporal.ApplicationErrorCategoryBenign)
				require.Equal(t, test.delay, failure.NextRetryDelay())
				details := errorDetails(t, failure)
				require.Equal(t, 7, details.Polls)
				require.Equal(t, taskID, details.TaskID)
				require.Empty(t, details.LastStatus)
			})
		}
	}
}

// An attempt that must not send says so, as without a schedule.
func TestScheduledAttemptThatIsStale(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID)
	s := newSchedule(time.Minute, time.Minute)
	e.changeAttempt(func(info *activity.Info) {
		info.Attempt, info.StartedTime, info.StartToCloseTimeout = 4, time.Now().Add(-time.Hour), 30*time.Second
	})

	_, err := e.pollTaskResult(s, 3)

	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(t, failure.NonRetryable())
	require.Contains(t, failure.Message(), "not sent")
	details := errorDetails(t, failure)
	require.Equal(t, taskID, details.TaskID)
	require.Equal(t, 6, details.Polls, "the three attempts before it, and the three polls before the activity")
	require.Contains(t, details.LastError, "getTaskResult: not sent: ")
	require.Empty(t, e.service.Requests())
}

// The input is for this project's workflows. A foreign one is either refused, or good for its one
// request and a delay that keeps to the service's rule.
func TestForeignPollingInputs(t *testing.T) {
	t.Parallel()
	const (
		refused = activities.ErrorTypeInvalidInput
		again   = activities.ErrorTypeNotReady
		last    = ""
	)
	for name, test := range map[string]struct{ input, outcome string }{
		"nothing but the task":     {`{"taskId":74372499131}`, last},
		"with other properties":    {`{"taskId":74372499131,"cron":"* * * * *"}`, last},
		"in the past":              {`{"taskId":74372499131,"deadline":"1970-01-01T00:00:00Z"}`, last},
		"nothing but a deadline":   {`{"taskId":74372499131,"deadline":"2999-01-01T00:00:00Z"}`, again},
		"intervals below 5 s":      {`{"taskId":74372499131,"deadline":"2999-01-01T00:00:00Z","pollInterval":"1ns","maxPollInterval":"2ns"}`, again},
		"negative intervals":       {`{"taskId":74372499131,"deadline":"2999-01-01T00:00:00Z","pollInterval":"-2562047h","maxPollInterval":"-1ns"}`, again},
		"the longest intervals":    {`{"taskId":74372499131,"deadline":"9999-01-01T00:00:00Z","pollInterval":"2562047h","maxPollInterval":"2562047h"}`, again},
		"no beginning":             {`{"taskId":74372499131,"startedAt":"0001-01-01T00:00:00Z","deadline":"2999-01-01T00:00:00Z","maxPollInterval":"2562047h"}`, again},
		"a beginning to come":      {`{"taskId":74372499131,"startedAt":"9998-01-01T00:00:00Z","deadline":"9999-01-01T00:00:00Z","pollInterval":"5s"}`, again},
		"no task":                  {`{"deadline":"2999-01-01T00:00:00Z"}`, refused},
		"null":                     {`null`, refused},
		"a list":                   {`[]`, refused},
		"a text":                   {`"5s"`, refused},
		"durations as numbers":     {`{"taskId":74372499131,"pollInterval":5000000000}`, refused},
		"durations without a unit": {`{"taskId":74372499131,"pollInterval":"5"}`, refused},
		"not a time":               {`{"taskId":74372499131,"deadline":"tomorrow"}`, refused},
		"a time of no calendar":    {`{"taskId":74372499131,"deadline":"10000-01-01T00:00:00Z"}`, refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Processing())

			_, err := e.ExecuteActivity(activities.PollTaskResultActivity, jsonPayload(test.input))

			if test.outcome == refused {
				require.Equal(t, test.outcome, applicationError(t, err).Type())
				require.Empty(t, e.service.Requests())
				return
			}
			require.Len(t, e.service.Requests(), 1)
			if test.outcome == last {
				require.NoError(t, err)
				return
			}
			failure := applicationError(t, err)
			require.Equal(t, test.outcome, failure.Type())
			require.GreaterOrEqual(t, failure.NextRetryDelay(), 5*time.Second)
		})
	}
}

func TestGetTaskResultKnowsNothingOfSchedules(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing())

	value, err := e.ExecuteActivity(activities.GetTaskResultActivity,
		jsonPayload(`{"taskId":74372499131,"polls":7,"schedule":{"deadline":"2999-01-01T00:00:00Z"}}`))

	require.NoError(t, err)
	var got json.RawMessage
	require.NoError(t, value.Get(&got))
	require.JSONEq(t, `{"taskId":74372499131,"status":"processing"}`, string(got))
}

// A wake-up cancels the activity while it waits, and must not shorten the delay after a failure: an
// activity that a wake-up may cancel hands back what is to wait longer than the 5 s that a poll
// after a wake-up keeps in any case.
func TestFailedAttemptThatIsHandedBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer   simulator.Answer
		failures int // in a row before it
		delay    time.Duration
		back     bool
	}{
		"the first failure":                   {simulator.Status(500, ""), 0, 5 * time.Second, false},
		"the second in a row":                 {simulator.Status(500, ""), 1, 10 * time.Second, true},
		"the third in a row":                  {simulator.Body(`{}`), 2, 20 * time.Second, true},
		"the ninth in a row":                  {simulator.DroppedConnection(), 8, 30 * time.Second, true},
		"the service asks for a longer delay": {simulator.RetryAfter(429, "42"), 0, 42 * time.Second, true},
		"the address is banned":               {simulator.Error("ERROR_IP_BLOCKED"), 3, 3 * time.Minute, true},
	} {
		for name, handBack := range map[string]bool{name: true, name + ", and nobody wakes": false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t)
				e.service.Script(taskID, test.answer)
				s := newSchedule(5*time.Minute, 10*time.Minute)
				e.changeAttempt(attemptOf(s, 12, 10*time.Minute))
				if test.failures > 0 {
					e.SetHeartbeatDetails(map[string]int{"failures": test.failures})
				}

				out, err := e.pollTaskResult(s, 0, func(in *polling.Input) { in.HandBack = handBack })

				if handBack && test.back {
					require.NoError(t, err)
					require.Equal(t, 12, out.Polls)
					require.Equal(t, test.delay, time.Duration(out.RetryDelay))
					require.Contains(t, out.LastError, "getTaskResult: ")
					require.Empty(t, out.Result.Status)
					require.False(t, out.Last)
					return
				}
				failure := applicationError(t, err)
				require.False(t, failure.NonRetryable())
				require.Equal(t, test.delay, failure.NextRetryDelay(), "it counts failures in a row, not attempts")
			})
		}
	}
}
