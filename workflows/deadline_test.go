package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestTimeout(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 20 * time.Second})

		failure := applicationError(t, err)
		require.Equal(t, workflows.ErrorTypeTaskTimeout, failure.Type())
		require.Equal(t, `task 74372499131: no result within 20s, in 3 polls; the last status is "processing"`, failure.Message())
		require.Equal(t, workflows.ErrorDetails{TaskID: taskID, Polls: 3, LastStatus: "processing"}, errorDetails(t, failure))
		require.Equal(t, 20*time.Second, e.elapsed())
	})
}

func TestTimeoutTellsTheLastError(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.HTMLPage())

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 20 * time.Second})

		failure := applicationError(t, err)
		details := errorDetails(t, failure)
		require.Contains(t, details.LastError, "HTTP status 521")
		require.Equal(t, 3, details.Polls)
		if e.byRetries() { // the workflow has seen the last attempt alone
			require.Empty(t, details.LastStatus)
			require.Contains(t, failure.Message(), `, in 3 polls; the last error: getTaskResult: HTTP status 521`)
			return
		}
		require.Equal(t, "processing", details.LastStatus)
		require.Contains(t, failure.Message(), `; the last status is "processing"; the last error: getTaskResult: HTTP status 521`)
	})
}

func TestTimeoutWithoutAnyAnswer(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Body(`{}`))

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Millisecond})

		failure := applicationError(t, err)
		require.Equal(t, workflows.ErrorTypeTaskTimeout, failure.Type())
		details := errorDetails(t, failure)
		require.Empty(t, details.LastStatus)
		require.Contains(t, details.LastError, "neither a result nor an error")
		require.Contains(t, failure.Message(), "no result within 1ms, in 1 poll; the last error: ")
		require.Len(t, e.service.RequestsFor(taskID), 1, "the last poll has one attempt")
	})
}

func TestPollsMayTakeAsLongAsTheWait(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 40 * time.Second})

		require.Error(t, err)
		if e.byRetries() {
			require.Len(t, e.polls, 1, "its attempts are the polls, and the last of them is on the deadline")
		}
		last := len(e.polls) - 1
		for number, poll := range e.polls {
			require.Equal(t, 20*time.Second, poll.options.StartToCloseTimeout, "above the request's 15 s")
			require.Equal(t, 40*time.Second-poll.at+20*time.Second, poll.options.ScheduleToCloseTimeout)
			require.Zero(t, poll.options.ScheduleToStartTimeout)
			require.Zero(t, poll.options.HeartbeatTimeout)
			require.False(t, poll.options.WaitForCancellation)
			attempts := int32(0)
			if number == last && !e.byRetries() {
				attempts = 1
			}
			require.Equal(t, &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2,
				MaximumInterval: 30 * time.Second, MaximumAttempts: attempts}, poll.options.RetryPolicy)
		}
		requests := e.requestTimes(taskID)
		require.Equal(t, 40*time.Second, requests[len(requests)-1])
	})
}

// A poll that is still under way on the deadline is not cut off, and the last poll follows 5 s
// after it.
func TestLastPollAfterOneThatPassedTheDeadline(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	// Attempts at 5, 10, 20, 40 s; the next one, after 30 s, would be at 70 s: before 50 + 20 s, not
	// after it.
	e.service.Script(taskID, simulator.Status(500, ""), simulator.Status(500, ""), simulator.Status(500, ""),
		simulator.Status(500, ""), simulator.Processing(), simulator.Ready(solution))

	out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 50 * time.Second})

	require.NoError(t, err)
	require.Equal(t, seconds(5, 10, 20, 40, 70, 75), e.requestTimes(taskID))
	require.Equal(t, 2, out.Polls)
	require.Equal(t, int32(1), e.polls[1].options.RetryPolicy.MaximumAttempts)
	require.Equal(t, 20*time.Second, e.polls[1].options.ScheduleToCloseTimeout)
	require.Equal(t, "before poll 2 of task 74372499131, the last", e.timers[1].summary)
}

// If attempts are polls, the one that passes the deadline is the last, whatever it comes to.
func TestAttemptThatPassedTheDeadlineIsTheLast(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer    simulator.Answer
		errorCode string
		details   workflows.ErrorDetails
	}{
		"ready":      {answer: simulator.Ready(solution)},
		"processing": {simulator.Processing(), "TaskTimeout", workflows.ErrorDetails{LastStatus: "processing"}},
		"transient":  {simulator.Body(`{}`), "TaskTimeout", workflows.ErrorDetails{LastError: `getTaskResult: the answer is neither a result nor an error (no status): "{}"`}},
		"banned":     {simulator.Error("ERROR_IP_BLOCKED"), "TaskTimeout", workflows.ErrorDetails{LastError: "getTaskResult: ERROR_IP_BLOCKED (ask again in 3 minutes or later): The IP is banned for improper use of the API"}},
		"verdict": {simulator.Error("ERROR_ZERO_BALANCE"), "ERROR_ZERO_BALANCE", workflows.ErrorDetails{ErrorID: 10,
			ErrorCode: "ERROR_ZERO_BALANCE", ErrorDescription: "There are no funds on the account"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withRetries(t, func(t *testing.T, e *environment) {
				// Attempts at 5, 10, 20, 40 s, and 30 s later.
				down := simulator.Status(500, "")
				e.service.Script(taskID, down, down, down, down, test.answer)

				out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 55 * time.Second})

				require.Equal(t, seconds(5, 10, 20, 40, 70), e.requestTimes(taskID))
				require.Len(t, e.polls, 1)
				require.Equal(t, test.errorCode, workflows.ErrorCode(err))
				if test.errorCode == "" {
					require.Equal(t, 5, out.Polls)
					return
				}
				test.details.TaskID, test.details.Polls = taskID, 5
				require.Equal(t, test.details, errorDetails(t, applicationError(t, err)))
			})
		})
	}
}

// A failure may leave no room for another attempt within the activity's time. The last poll comes
// all the same.
func TestLastPollAfterAnActivityWithoutRoomForAnotherAttempt(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		down := simulator.Status(500, "")
		// Attempts at 5, 10, 20, 40 s; 30 s later would be beyond 45 + 20 s.
		e.service.Script(taskID, down, down, down, down, simulator.Ready(solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 45 * time.Second})

		require.NoError(t, err)
		require.Equal(t, 5, out.Polls)
		require.Equal(t, seconds(5, 10, 20, 40, 45), e.requestTimes(taskID))
		require.Len(t, e.polls, 2)
		require.Equal(t, int32(1), e.polls[1].options.RetryPolicy.MaximumAttempts)
		require.Equal(t, 20*time.Second, e.polls[1].options.ScheduleToCloseTimeout)
		require.Equal(t, "poll 5 of task 74372499131, the last", e.polls[1].options.Summary)
	})
}

// A timer may fire hours before a worker takes it up.
func TestLastPollWhenTheWorkerWakesLate(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]simulator.Answer{"ready": simulator.Ready(solution), "pending": simulator.Processing()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, answer)
				e.SetOnTimerFiredListener(func(string) { e.clockSkip = 10 * time.Hour })

				out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

				require.Len(t, e.polls, 1)
				require.Equal(t, int32(1), e.polls[0].options.RetryPolicy.MaximumAttempts, "it is the last poll")
				require.Equal(t, 20*time.Second, e.polls[0].options.ScheduleToCloseTimeout)
				require.Len(t, e.timers, 1)
				if name == "ready" {
					require.NoError(t, err)
					require.Equal(t, 1, out.Polls)
				} else {
					require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
				}
			})
		})
	}
}
