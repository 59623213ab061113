package workflows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// What goes away by itself is repeated within the activity, first after 5 s, doubling to 30 s.
func TestTransientFailuresAreRepeated(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]simulator.Answer{
		"HTTP 500":                   simulator.Status(500, "500 Internal Server Error"),
		"HTTP 404":                   simulator.Status(404, "Not Found"),
		"HTTP 429 without a header":  simulator.Status(429, ""),
		"Retry-After that says 0":    simulator.RetryAfter(503, "0"),
		"Retry-After of no form":     simulator.RetryAfter(503, "soon"),
		"HTML page":                  simulator.HTMLPage(),
		"result on HTTP 500":         simulator.Ready(solution).WithHTTPStatus(500),
		"redirect":                   simulator.Redirect("http://127.0.0.1:1/getTaskResult"),
		"permanent redirect":         simulator.Redirect("https://example.com/").WithHTTPStatus(308),
		"dropped connection":         simulator.DroppedConnection(),
		"reset connection":           simulator.ResetConnection(),
		"truncated JSON":             simulator.TruncatedJSON(),
		"truncated body":             simulator.TruncatedBody(),
		"empty body":                 simulator.Body(""),
		"no JSON":                    simulator.Body("<html>"),
		"JSON that is no object":     simulator.Body(`[]`),
		"null":                       simulator.Body(`null`),
		"no status":                  simulator.Body(`{}`),
		"unknown status":             simulator.Body(`{"errorId":0,"status":"failed"}`),
		"ready without a solution":   simulator.Body(`{"errorId":0,"status":"ready"}`),
		"ready with a null solution": simulator.Body(`{"errorId":0,"status":"ready","solution":null}`),
		"no slot":                    simulator.Error("ERROR_NO_SLOT_AVAILABLE"),
		"an errorId on HTTP 500":     simulator.Body(`{"errorId":2}`).WithHTTPStatus(500),
		"a gateway's code":           simulator.Body(`{"errorCode":"InternalServerError"}`).WithHTTPStatus(502),
		"too many requests":          simulator.Error("ERROR_TOO_MUCH_REQUESTS"),
		"rate limit on HTTP 429":     simulator.Error("ERROR_RATE_LIMIT").WithHTTPStatus(429),
		"service unavailable":        simulator.Error("ERROR_SERVICE_UNAVALIABLE").WithHTTPStatus(400),
		"300 KB of HTML":             simulator.Body(strings.Repeat("<p>", 100_000)),
		"no slot on HTTP 400":        simulator.Error("ERROR_NO_SLOT_AVAILABLE").WithHTTPStatus(400),
		"oversized on HTTP 502":      simulator.Oversized(300 << 10).WithHTTPStatus(502),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, failure, failure, failure, failure, failure, simulator.Ready(solution))

				out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

				require.NoError(t, err)
				require.JSONEq(t, solution, string(out.Solution))
				require.Equal(t, e.pollsOf(6), out.Polls, "a poll is one run of the activity, or one attempt of it")
				require.Equal(t, seconds(5, 5+5, 10+10, 20+20, 40+30, 70+30), e.requestTimes(taskID))
				if e.byRetries() {
					require.Len(t, e.timers, 2, "one of the repeat that the activity has handed back")
				} else {
					require.Len(t, e.timers, 1)
				}
			})
		})
	}
}

func TestDelaysThatTheServiceAsksFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure simulator.Answer
		delay   time.Duration
	}{
		"less than 5 s":          {simulator.RetryAfter(429, "1"), 5 * time.Second},
		"5 s":                    {simulator.RetryAfter(429, "5"), 5 * time.Second},
		"30 s":                   {simulator.RetryAfter(503, "30"), 30 * time.Second},
		"60 s":                   {simulator.RetryAfter(503, "60"), 60 * time.Second},
		"more than a minute":     {simulator.RetryAfter(429, "3600"), 60 * time.Second},
		"beyond any number":      {simulator.RetryAfter(429, "99999999999999999999"), 60 * time.Second},
		"a date far ahead":       {simulator.RetryAfter(503, "Fri, 31 Dec 2100 23:59:59 GMT"), 60 * time.Second},
		"no slot, with a header": {simulator.Error("ERROR_NO_SLOT_AVAILABLE").WithRetryAfter("45"), 45 * time.Second},
		"no JSON, with a header": {simulator.Body("").WithRetryAfter("45"), 45 * time.Second},
		"banned":                 {simulator.Error("ERROR_IP_BLOCKED"), 3 * time.Minute},
		"banned, with a header":  {simulator.Error("ERROR_IP_BLOCKED").WithRetryAfter("10"), 3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID, test.failure, test.failure, simulator.Ready(solution))

				out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

				require.NoError(t, err)
				require.Equal(t, e.pollsOf(3), out.Polls)
				require.Equal(t, []time.Duration{5 * time.Second, 5*time.Second + test.delay, 5*time.Second + 2*test.delay},
					e.requestTimes(taskID))
			})
		})
	}
}

// Temporal closes an activity at once when the delay that its failure asks for does not fit into
// its time.
func TestDelayBeyondTheDeadlineHoldsForTheNextPoll(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Error("ERROR_IP_BLOCKED"), simulator.Ready(solution))
		e.signalAfter(30 * time.Second)
		e.signalAfter(31 * time.Second)
		e.after(40*time.Second, func() {
			status := e.status()
			require.Equal(t, 1, status.Polls)
			require.Equal(t, workflows.StateWaiting, status.State)
			require.Contains(t, status.LastError, "ERROR_IP_BLOCKED")
			require.True(t, e.start.Add(2*time.Minute).Equal(*status.NextPollAt), "the deadline")
		})

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 2 * time.Minute})

		require.NoError(t, err)
		require.Equal(t, 2, out.Polls)
		require.Equal(t, seconds(5, 185), e.requestTimes(taskID)) // banned till after the deadline: the last poll waits too
		require.Len(t, e.timers, 2)
	})
}

// It holds too where another cause than the deadline has ended the poll early.
func TestDelayOfAnEndedPollHoldsForTheNextPoll(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Ready(solution))
		e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
			if len(e.polls) == 1 {
				return nil, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
					temporal.NewApplicationErrorWithOptions("banned", "ERROR_IP_BLOCKED",
						temporal.ApplicationErrorOptions{NextRetryDelay: 3 * time.Minute}))
			}
			return request()
		}
		e.signalAfter(time.Minute)

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.Equal(t, 2, out.Polls)
		require.Equal(t, seconds(185), e.requestTimes(taskID)) // neither the schedule nor a signal shortens it
	})
}

// A delay holds for one poll, not for those after it.
func TestDelayIsOverAfterTheNextPoll(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)
		e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
			if len(e.polls) == 1 {
				return nil, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
					temporal.NewApplicationErrorWithOptions("busy", "RequestFailed",
						temporal.ApplicationErrorOptions{NextRetryDelay: time.Minute}))
			}
			return request()
		}

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 75 * time.Second})

		require.Error(t, err)
		require.Equal(t, seconds(65, 75), e.requestTimes(taskID))
	})
}

func TestFailureIsForgottenWithTheNextAnswer(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing())
		e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
			if len(e.polls) == 1 {
				return nil, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil)
			}
			return request()
		}
		e.after(7*time.Second, func() { require.NotEmpty(t, e.status().LastError) })
		e.after(12*time.Second, func() {
			if e.byRetries() { // the activity that has the answer is not over
				return
			}
			require.Empty(t, e.status().LastError)
			require.Equal(t, "processing", e.status().LastStatus)
		})

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 30 * time.Second})

		require.Empty(t, errorDetails(t, applicationError(t, err)).LastError)
	})
}
