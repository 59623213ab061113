package activities_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
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
		polls        int           // before the activity
		delay        time.Duration // less what the attempt takes, where the next poll is on the deadline
		onDeadline   bool
	}{
		"first":                             {5 * time.Second, 15 * time.Minute, 1, 0, 5205 * time.Millisecond, false},
		"second":                            {5 * time.Second, 15 * time.Minute, 2, 0, 5040 * time.Millisecond, false},
		"first of a second activity":        {5 * time.Second, 15 * time.Minute, 1, 1, 5040 * time.Millisecond, false},
		"after long":                        {5 * time.Minute, 10 * time.Minute, 4, 0, 10_240 * time.Millisecond, false},
		"stretched to the deadline":         {5 * time.Minute, 14 * time.Second, 20, 0, 14 * time.Second, true},
		"just before the deadline, but 5 s": {5 * time.Minute, time.Second, 20, 0, 5 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Processing())
			s := newSchedule(test.waited, test.left)
			e.changeAttempt(attemptOf(s, test.attempt, test.left))

			begun := time.Now()
			_, err := e.pollTaskResult(s, test.polls)
			took := time.Since(begun)

			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeNotReady, failure.Type())
			require.False(t, failure.NonRetryable())
			require.Equal(t, temporal.ApplicationErrorCategoryBenign, failure.Category(), "it is what is expected")
			delay := failure.NextRetryDelay()
			if test.onDeadline {
				require.LessOrEqual(t, delay, test.delay)
				require.GreaterOrEqual(t, delay, max(test.delay-took, schedule.MinInterval))
			} else {
				require.GreaterOrEqual(t, delay, test.delay)
				require.LessOrEqual(t, delay, test.delay+took, "15 %% of the time that it takes at most")
			}
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

// The service's rule counts from an attempt's end, however long it takes.
func TestScheduledAttemptThatTakesLong(t *testing.T) {
	t.Parallel()
	const slow = 300 * time.Millisecond
	for name, test := range map[string]struct {
		left    time.Duration
		longest time.Duration
	}{
		"the next one is on the deadline":         {7 * time.Second, 7*time.Second - slow},
		"the deadline is less than 5 s after it":  {5*time.Second + slow/2, 5 * time.Second},
		"the deadline passes while it is running": {slow / 2, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Processing().WithDelay(slow))
			s := newSchedule(time.Minute, test.left)
			e.changeAttempt(attemptOf(s, 9, test.left))

			_, err := e.pollTaskResult(s, 0)

			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeNotReady, failure.Type())
			require.GreaterOrEqual(t, failure.NextRetryDelay(), 5*time.Second)
			require.LessOrEqual(t, failure.NextRetryDelay(), test.longest)
		})
	}
}

// An attempt at or after the deadline is the last poll: the activity ends with whatever it comes
// to.
func TestScheduledAttemptThatIsTheLast(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer    simulator.Answer
		result    string // as JSON
		lastError string // after the method
	}{
		"processing": {
			answer: simulator.Processing(),
			result: `{"status":"processing"}`,
		},
		"ready": {
			answer: simulator.Body(`{"status":"ready","solution":"8"}`),
			result: `{"status":"ready","solution":"8"}`,
		},
		"transient": {
			answer: simulator.Body(`{}`),
			result: `{"status":""}`, lastError: "the answer is neither a result nor an error",
		},
		"with a delay": {
			answer: simulator.Error("ERROR_NO_SLOT_AVAILABLE").WithRetryAfter("30"),
			result: `{"status":""}`, lastError: "ERROR_NO_SLOT_AVAILABLE",
		},
		"lost connection": {
			answer: simulator.DroppedConnection(),
			result: `{"status":""}`, lastError: "no answer",
		},
	} {
		for when, beforeDeadline := range map[string]time.Duration{"on the deadline": 0, "after it": -19 * time.Second} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t)
				e.service.Script(taskID, test.answer)
				s := newSchedule(5*time.Minute, time.Minute)
				e.changeAttempt(attemptOf(s, 4, beforeDeadline))

				out, err := e.pollTaskResult(s, 3)

				require.NoError(t, err)
				require.Equal(t, 7, out.Polls)
				require.True(t, out.Last)
				if test.lastError == "" {
					require.Empty(t, out.LastError)
				} else {
					require.Contains(t, out.LastError, "getTaskResult: "+test.lastError)
				}
				result, err := json.Marshal(out.Result)
				require.NoError(t, err)
				require.JSONEq(t, test.result, string(result))
				require.Len(t, e.service.Requests(), 1)
			})
		}
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
		delay        time.Duration // 0: the retry policy's
	}{
		"ready": {answer: simulator.Ready(`{"text":"hello"}`)},
		"unsolvable": {answer: simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), errorType: "ERROR_CAPTCHA_UNSOLVABLE",
			nonRetryable: true, benign: true},
		"unknown code": {answer: simulator.Error("ERROR_NEW"), errorType: "ERROR_NEW", nonRetryable: true},
		"errorId without code": {answer: simulator.Body(`{"errorId":1}`), errorType: activities.ErrorTypeUnexpectedResponse,
			nonRetryable: true},
		"HTTP 500": {answer: simulator.Status(500, ""), errorType: activities.ErrorTypeRequestFailed},
		"no JSON":  {answer: simulator.Body(""), errorType: activities.ErrorTypeUnexpectedResponse},
		"Retry-After": {answer: simulator.RetryAfter(429, "42"), errorType: activities.ErrorTypeRequestFailed,
			delay: 42 * time.Second},
		"banned": {answer: simulator.Error("ERROR_IP_BLOCKED"), errorType: "ERROR_IP_BLOCKED", delay: 3 * time.Minute},
	} {
		for when, beforeDeadline := range map[string]time.Duration{"": time.Minute, ", on the deadline": 0} {
			retryable := test.errorType != "" && !test.nonRetryable
			if retryable && beforeDeadline == 0 {
				continue // TestScheduledAttemptThatIsTheLast
			}
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
				require.Equal(t, test.benign, failure.Category() == temporal.ApplicationErrorCategoryBenign)
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
		info.Attempt, info.StartedTime, info.StartToCloseTimeout = 4, time.Now().Add(-time.Hour), 20*time.Second
	})

	_, err := e.pollTaskResult(s, 3)

	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(t, failure.NonRetryable())
	require.Contains(t, failure.Message(), "not sent")
	details := errorDetails(t, failure)
	require.Equal(t, taskID, details.TaskID)
	require.Equal(t, 7, details.Polls, "the attempt is a poll all the same")
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
