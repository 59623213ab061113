package workflows_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
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

// TaskTimeout says that the service answered "processing" on the deadline. Without an answer the
// result may be there: it was paid for.
func TestLastPollWithoutAnAnswerIsNoAnswer(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.HTMLPage())

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 20 * time.Second})

		failure := applicationError(t, err)
		require.Equal(t, workflows.ErrorTypeNoAnswer, failure.Type())
		require.Equal(t, "NoAnswer", workflows.ErrorCode(err))
		require.Contains(t, failure.Message(), "task 74372499131: the last poll brought no answer, in 3 polls: "+
			`the result may be ready, so wait for this task again rather than buy another; the last status is "processing"; `+
			"the last error: getTaskResult: HTTP status 521")
		details := errorDetails(t, failure)
		require.Contains(t, details.LastError, "HTTP status 521")
		details.LastError = ""
		require.Equal(t, workflows.ErrorDetails{TaskID: taskID, Polls: 3, LastStatus: "processing"}, details)
		times := e.requestTimes(taskID)
		require.Equal(t, seconds(20, 25, 35, 55, 85, 115, 145), times[2:], "seven attempts: 5 s later, then doubling to 30 s")
		e.requireLastPoll(e.polls[len(e.polls)-1])
	})
}

func TestLastPollIsRepeatedUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	down := simulator.Status(500, "")
	for name, test := range map[string]struct {
		answers   []simulator.Answer // on the deadline, 10 s after the start, and later
		errorCode string
		times     []time.Duration
	}{
		"ready after one HTTP 500":      {[]simulator.Answer{down, simulator.Ready(solution)}, "", seconds(10, 15)},
		"ready after a lost connection": {[]simulator.Answer{simulator.DroppedConnection(), simulator.Ready(solution)}, "", seconds(10, 15)},
		"ready at the last attempt":     {[]simulator.Answer{down, down, down, down, down, down, simulator.Ready(solution)}, "", seconds(10, 15, 25, 45, 75, 105, 135)},
		"processing after an odd body":  {[]simulator.Answer{simulator.Body(`{}`), simulator.Processing()}, "TaskTimeout", seconds(10, 15)},
		"a verdict after a full queue": {[]simulator.Answer{simulator.Error("ERROR_NO_SLOT_AVAILABLE"), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")},
			"ERROR_CAPTCHA_UNSOLVABLE", seconds(10, 15)},
		"ready after a ban": {[]simulator.Answer{simulator.Error("ERROR_IP_BLOCKED"), simulator.Ready(solution)}, "", seconds(10, 190)},
		"Retry-After":       {[]simulator.Answer{simulator.RetryAfter(503, "60"), simulator.Ready(solution)}, "", seconds(10, 70)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, test.answers...)

				out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: 10 * time.Second, Timeout: 10 * time.Second})

				require.Equal(t, test.errorCode, workflows.ErrorCode(err))
				require.Equal(t, test.times, e.requestTimes(taskID))
				require.Len(t, e.polls, 1)
				e.requireLastPoll(e.polls[0])
				if err == nil {
					require.Equal(t, 1, out.Polls, "its attempts are one poll")
				}
			})
		})
	}
}

func TestNoAnswerAtAll(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Body(`{}`))

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Millisecond})

		failure := applicationError(t, err)
		require.Equal(t, workflows.ErrorTypeNoAnswer, failure.Type())
		details := errorDetails(t, failure)
		require.Empty(t, details.LastStatus)
		require.Contains(t, details.LastError, "neither a result nor an error")
		require.Contains(t, failure.Message(), "the last poll brought no answer, in 1 poll: ")
	})
}

// Polls that found no connection have asked nothing.
func TestServiceThatIsAway(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Close()

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 20 * time.Second})

		failure := applicationError(t, err)
		require.Equal(t, workflows.ErrorTypeNoAnswer, failure.Type())
		require.Zero(t, errorDetails(t, failure).Polls)
		require.Contains(t, errorDetails(t, failure).LastError, "connection refused")
	})
}

// Whatever ends the last poll without an answer is NoAnswer, and it may have asked nothing.
func TestLastPollThatNobodyMade(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout enumspb.TimeoutType
		polls   int
	}{
		"no worker, or no turn, for 15 minutes": {enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, 0},
		"a worker that was killed":              {enumspb.TIMEOUT_TYPE_START_TO_CLOSE, 1},
		"all its time is over":                  {enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.pollError = func() error {
					return temporal.NewTimeoutError(test.timeout, nil)
				}

				_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Second})

				failure := applicationError(t, err)
				require.Equal(t, workflows.ErrorTypeNoAnswer, failure.Type())
				require.Equal(t, test.polls, errorDetails(t, failure).Polls, "those known to have sent nothing don't count")
				require.Len(t, e.polls, 1)
			})
		})
	}
}

func TestPollsMayTakeAsLongAsTheWait(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 40 * time.Second})

		require.Error(t, err)
		if e.byRetries() {
			require.Len(t, e.polls, 2, "attempts that are polls, and the last poll")
		}
		last := len(e.polls) - 1
		for _, poll := range e.polls[:last] {
			left := 40*time.Second - poll.at
			require.Equal(t, left, poll.options.ScheduleToStartTimeout, "what nobody has taken by then is left to the last poll")
			require.Equal(t, 30*time.Second, poll.options.StartToCloseTimeout, "above 5 s of waiting and the request's 15 s")
			require.Equal(t, left+30*time.Second, poll.options.ScheduleToCloseTimeout)
			require.Zero(t, poll.options.HeartbeatTimeout)
			require.Equal(t, e.byRetries(), poll.options.WaitForCancellation)
			require.Equal(t, &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2,
				MaximumInterval: 30 * time.Second}, poll.options.RetryPolicy)
		}
		e.requireLastPoll(e.polls[last])
		requests := e.requestTimes(taskID)
		require.Equal(t, 40*time.Second, requests[len(requests)-1])
	})
}

// If a repeat would come after the deadline, the last poll takes its place: on the deadline, and
// with attempts of its own.
func TestServiceThatIsDownBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	down := simulator.Status(500, "")
	for name, test := range map[string]struct {
		timeout time.Duration
		answers []simulator.Answer
		times   []time.Duration
		last    int           // requests of the last poll
		held    time.Duration // how long the last poll's first request is held back
	}{
		"the next repeat would be after it":  {16 * time.Second, []simulator.Answer{down, down, simulator.Ready(solution)}, seconds(5, 10, 16), 1, 0},
		"and the last poll is repeated":      {16 * time.Second, []simulator.Answer{down, down, down, down, simulator.Ready(solution)}, seconds(5, 10, 16, 21, 31), 3, 0},
		"with long delays":                   {50 * time.Second, []simulator.Answer{down, down, down, down, simulator.Ready(solution)}, seconds(5, 10, 20, 40, 50), 1, 0},
		"less than 5 s before it":            {22 * time.Second, []simulator.Answer{down, down, down, simulator.Ready(solution)}, seconds(5, 10, 20, 25), 1, 0},
		"a ban that is longer than the wait": {time.Minute, []simulator.Answer{simulator.Error("ERROR_IP_BLOCKED"), simulator.Ready(solution)}, seconds(5, 185), 1, 125 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, test.answers...)

			out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: test.timeout})

			require.NoError(t, err)
			require.Equal(t, test.times, e.requestTimes(taskID))
			require.Len(t, e.polls, 2)
			require.Equal(t, 2, out.Polls)
			e.requireLastPoll(e.polls[1])
			require.Equal(t, test.times[len(test.times)-test.last]-test.held, e.polls[1].at)
		})
	}
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
				e.requireLastPoll(e.polls[0])
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

// An error's text has at most 500 bytes, and ends after a whole word.
func TestLongLastErrorInTheMessage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"words":    strings.Repeat("gateway timeout ", 60),
		"umlauts":  strings.Repeat("überlastet ", 60),
		"one word": strings.Repeat("é", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.pollError = func() error {
				return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, temporal.NewApplicationError(text, "RequestFailed"))
			}

			_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Second})

			message := applicationError(t, err).Message()
			require.LessOrEqual(t, len(message), 500)
			require.Greater(t, len(message), 470)
			require.True(t, utf8.ValidString(message))
			require.True(t, strings.HasSuffix(message, "timeout …") || strings.HasSuffix(message, "gateway …") ||
				strings.HasSuffix(message, "überlastet …") || strings.HasSuffix(message, "é …"), message)
		})
	}
}
