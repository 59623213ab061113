package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// unknownOutcomes are all ways to learn that a task may have been bought, with how long a call is
// waited for.
var unknownOutcomes = map[string]struct {
	failure error
	waits   time.Duration
}{
	"reported, without an address": {unknownOutcome(false), 0},
	"reported, with an address":    {unknownOutcome(true), 15 * time.Minute},
	"reported, without a mark":     {unmarkedOutcome(), 0},
	"lost, without an address":     {lostRun(submission.Mark{Submission: "x"}), time.Minute},
	"lost, with an address":        {lostRun(submission.Mark{Submission: "x", Callback: true}), 15 * time.Minute},
	"a panic":                      {&temporal.PanicError{}, 15 * time.Minute},
	"an interceptor's failure":     {temporal.NewApplicationError("odd", "Odd"), 15 * time.Minute},
	"any error":                    {errors.New("any"), 15 * time.Minute},
	"canceled by the worker":       {temporal.NewCanceledError(), 15 * time.Minute},
}

func unmarkedOutcome() error {
	return temporal.NewNonRetryableApplicationError("no answer", activities.ErrorTypeCreateTaskOutcomeUnknown, nil)
}

// outcomes has submissions end with these errors, one after the other; nil is the activity itself.
func (e *environment) outcomes(outcomes ...error) {
	e.submissionError = func(number int) error {
		if number > len(outcomes) {
			return nil
		}
		return outcomes[number-1]
	}
}

func requireOutcomeUnknown(t *testing.T, err error) (string, workflows.ErrorDetails) {
	t.Helper()
	code, message, details := endOfSolve(t, err)
	require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, code)
	require.Contains(t, message, "a task may have been bought, since the outcome of createTask is unknown")
	require.NotRegexp(t, `\b(submit|buy|ask)\b[^,:;]* (again|new)\b`, message, "nobody is told to buy twice")
	require.LessOrEqual(t, len(message), 500)
	require.NotEmpty(t, details.Attempts)
	return message, details
}

func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range unknownOutcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.outcomes(test.failure)
			if test.waits > 0 {
				e.after(time.Second, func() {
					status := e.solveStatus()
					require.Equal(t, workflows.StateOutcomeUnknown, status.State)
					require.Equal(t, e.start, *status.SubmittedAt)
					require.Equal(t, e.start.Add(test.waits), *status.Deadline)
					require.NotEmpty(t, status.LastError)
					require.Contains(t, e.details(), "**outcomeUnknown**")
				})
			}

			_, err := e.solve(toSolve)

			_, details := requireOutcomeUnknown(t, err)
			require.Equal(t, test.waits, e.elapsed())
			require.Zero(t, details.TaskID)
			require.Empty(t, details.TaskIDs)
			require.Len(t, e.submissions, 1, "it is not submitted again")
			require.Empty(t, e.service.Requests())
			require.Equal(t, workflows.StateFailed, e.solveStatus().State)
		})
	}
}

// The service's call, or the worker that could not report the answer, names the task.
func TestUnknownOutcomeThatACallMakesKnown(t *testing.T) {
	t.Parallel()
	for name, test := range unknownOutcomes {
		if test.waits == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.outcomes(test.failure)
			e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
			e.calledBackAfter(40*time.Second, taskID)
			e.after(41*time.Second, func() {
				status := e.solveStatus()
				require.Equal(t, taskID, status.TaskID)
				require.Equal(t, []int64{taskID}, status.TaskIDs, "the service has known it")
				require.Equal(t, e.start.Add(15*time.Minute), *status.Deadline, "counted from when the outcome was unknown")
			})

			out, err := e.solve(toSolve)

			require.NoError(t, err)
			require.Equal(t, taskID, out.TaskID)
			require.Equal(t, 2, out.Polls)
			require.Equal(t, seconds(40, 45), e.requestTimes(taskID))
			require.Len(t, e.submissions, 1)
		})
	}
}

// An id that the service does not know may be anybody's. The genuine call is still to come.
func TestUnknownOutcomeWithAForeignCall(t *testing.T) {
	t.Parallel()
	withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
		e.outcomes(unknownOutcome(true))
		e.service.Script(5, simulator.Expired())
		e.service.Script(6, simulator.Expired())
		e.service.Script(taskID, simulator.Ready(solution))
		e.after(10*time.Second, func() {
			name := e.submissionInput(1).Submission
			e.call(5, name)
			e.call(6, name)
			e.call(5, name)
			e.call(taskID, "another")
			e.call(taskID, "")
			e.call(0, name)
		})
		e.after(12*time.Second, func() { require.Empty(t, e.solveStatus().TaskIDs, "nobody has confirmed one") })
		e.calledBackAfter(30*time.Second, taskID)
		in := toSolve
		in.Polling = e.polling

		out, err := e.solve(in)

		require.NoError(t, err)
		require.Equal(t, taskID, out.TaskID)
		require.Equal(t, seconds(10), e.requestTimes(5))
		require.Equal(t, seconds(15), e.requestTimes(6), "it keeps the service's 5 seconds")
		require.Equal(t, seconds(30), e.requestTimes(taskID))
		require.Equal(t, 3, out.Polls)
	})
}

func TestUnknownOutcomeWithForeignCallsAlone(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(unknownOutcome(true))
	e.after(10*time.Second, func() {
		for id := int64(1); id <= 50; id++ {
			e.call(id, e.submissionInput(1).Submission)
		}
	})

	_, err := e.solve(toSolve)

	_, details := requireOutcomeUnknown(t, err)
	require.Equal(t, 15*time.Minute, e.elapsed())
	require.Equal(t, 20, details.Polls, "somebody else has the address, who must not have this account banned")
	require.Empty(t, details.TaskIDs)
	require.Zero(t, details.TaskID)
}

// The service has known the task that a call has named, and so it was bought, whatever the way to
// poll.
func TestUnknownOutcomeOfATaskThatExpires(t *testing.T) {
	t.Parallel()
	withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
		e.outcomes(unknownOutcome(true))
		e.service.Script(taskID, simulator.Processing(), simulator.Expired())
		e.calledBackAfter(10*time.Second, taskID)
		in := toSolve
		in.Polling = e.polling

		_, err := e.solve(in)

		code, _, details := endOfSolve(t, err)
		require.Equal(t, twocaptcha.ErrorNoSuchCapchaID, code)
		require.True(t, details.Expired)
		require.Equal(t, taskID, details.TaskID)
		require.Equal(t, []int64{taskID}, details.TaskIDs)
		require.Equal(t, 2, details.Polls)
	})
}

// What ends the wait before the service has known the task says nothing of the purchase.
func TestUnknownOutcomeThatEndsOtherwise(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer    simulator.Answer
		code      string
		confirmed bool
	}{
		"wrong key":        {simulator.Error(twocaptcha.ErrorKeyDoesNotExist), twocaptcha.ErrorKeyDoesNotExist, false},
		"no answer":        {simulator.Status(500, "down"), workflows.ErrorTypeNoAnswer, false},
		"unsolvable":       {simulator.Error(twocaptcha.ErrorCaptchaUnsolvable), twocaptcha.ErrorCaptchaUnsolvable, true},
		"bad proxy":        {simulator.Error(twocaptcha.ErrorBadProxy), twocaptcha.ErrorBadProxy, false},
		"never ready":      {simulator.Processing(), workflows.ErrorTypeTaskTimeout, true},
		"bad duplicates":   {simulator.Error(twocaptcha.ErrorBadDuplicates), twocaptcha.ErrorBadDuplicates, true},
		"no funds, oddly":  {simulator.Error(twocaptcha.ErrorZeroBalance), twocaptcha.ErrorZeroBalance, false},
		"code of tomorrow": {simulator.Error("ERROR_OF_TOMORROW"), "ERROR_OF_TOMORROW", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.outcomes(unknownOutcome(true))
			e.service.Script(taskID, test.answer)
			e.calledBackAfter(10*time.Second, taskID)

			_, err := e.solve(toSolve)

			code, _, details := endOfSolve(t, err)
			require.Equal(t, taskID, details.TaskID, "what a call has named is not lost")
			if test.confirmed {
				require.Equal(t, test.code, code)
				require.Equal(t, []int64{taskID}, details.TaskIDs)
				return
			}
			requireOutcomeUnknown(t, err)
			require.Equal(t, test.code, details.ErrorCode)
			require.Empty(t, details.TaskIDs)
		})
	}
}

// Once an attempt, and after at most a minute, since the caller would rather pay twice than wait.
func TestResubmitUnknown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure error
		at      []time.Duration
	}{
		"reported, without an address": {unknownOutcome(false), seconds(0, 0)},
		"reported, with an address":    {unknownOutcome(true), seconds(0, 60)},
		"lost, without an address":     {lostRun(submission.Mark{Submission: "x"}), seconds(0, 60)},
		"lost, with an address":        {lostRun(submission.Mark{Submission: "x", Callback: true}), seconds(0, 60)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := toSolve
			in.ResubmitUnknown = true
			t.Run("and then it is bought", func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t)
				e.outcomes(test.failure)

				out, err := e.solve(in)

				require.NoError(t, err)
				require.Equal(t, test.at, e.submissionTimes())
				require.Equal(t, 1, out.Attempts)
				require.NotEqual(t, e.submissionInput(1).Submission, e.submissionInput(2).Submission)
			})
			t.Run("and then it is unknown again", func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t)
				e.outcomes(test.failure, test.failure)

				_, err := e.solve(in)

				requireOutcomeUnknown(t, err)
				require.Equal(t, test.at, e.submissionTimes())
			})
			t.Run("and then it is refused", func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t)
				e.outcomes(test.failure)
				e.newTasks = []simulator.Submission{refusedWith(simulator.Error(twocaptcha.ErrorZeroBalance))}

				_, err := e.solve(in)

				_, details := requireOutcomeUnknown(t, err)
				require.Equal(t, twocaptcha.ErrorZeroBalance, details.ErrorCode)
			})
			t.Run("and then it can't be submitted", func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t)
				e.outcomes(test.failure)
				e.newTasks = []simulator.Submission{refusedWith(simulator.Status(429, "slow down"))}

				_, err := e.solve(in)

				_, details := requireOutcomeUnknown(t, err)
				require.Equal(t, activities.ErrorTypeNotSubmitted, details.ErrorCode)
			})
		})
	}
}

func TestResubmitUnknownInEachAttempt(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(unknownOutcome(false), nil, unknownOutcome(false), nil, unknownOutcome(false), unknownOutcome(false))
	e.newTasks = solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable))
	in := toSolve
	in.ResubmitUnknown, in.Attempts = true, 3

	_, err := e.solve(in)

	_, details := requireOutcomeUnknown(t, err)
	require.Equal(t, seconds(0, 0, 5, 5, 10, 10), e.submissionTimes())
	require.Equal(t, 3, details.Attempts)
	require.Len(t, details.TaskIDs, 2, "those were bought for sure")
	require.Zero(t, details.TaskID)
}

// The first submission may have bought the task all the same, and its call may come at any time.
func TestResubmitUnknownHearsTheCallForTheFirstSubmission(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Duration{
		"before the second one":          30 * time.Second,
		"before the repeat of a refusal": 62 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.outcomes(unknownOutcome(true))
			e.newTasks = []simulator.Submission{refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable))}
			e.service.Script(taskID, simulator.Ready(solution))
			e.after(at, func() { e.call(taskID, e.submissionInput(1).Submission) })
			in := toSolve
			in.ResubmitUnknown = true

			out, err := e.solve(in)

			require.NoError(t, err)
			require.Equal(t, taskID, out.TaskID)
			require.Empty(t, e.service.Purchases())
			require.Equal(t, at, e.elapsed())
		})
	}
}

// A timeout that is shorter than the minute must leave room for the second submission.
func TestResubmitUnknownWithAShortTimeout(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(unknownOutcome(true))
	e.newTasks = solvedBy(simulator.Ready(solution))
	in := toSolve
	in.ResubmitUnknown, in.Timeout = true, 30*time.Second

	_, err := e.solve(in)

	require.NoError(t, err)
	require.Equal(t, seconds(0, 25), e.submissionTimes())
}

// A task that a call has named and the service could not solve was bought, so that the next attempt
// may follow.
func TestUnknownOutcomeOfATaskThatIsUnsolvable(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(unknownOutcome(true))
	e.service.Script(taskID, simulator.Error(twocaptcha.ErrorCaptchaUnsolvable))
	e.calledBackAfter(10*time.Second, taskID)
	in := toSolve
	in.Attempts = 2

	out, err := e.solve(in)

	require.NoError(t, err)
	require.Equal(t, []int64{taskID, e.service.Purchases()[0].TaskID}, out.TaskIDs)
	require.Equal(t, seconds(0, 10), e.submissionTimes())
}

// The service may still call the address of the first submission.
func TestResubmitUnknownWaitsForTheCallOfTheFirstSubmission(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(unknownOutcome(true), unknownOutcome(false))
	e.service.Script(taskID, simulator.Ready(solution))
	e.after(2*time.Minute, func() { e.call(taskID, e.submissionInput(1).Submission) })
	in := toSolve
	in.ResubmitUnknown = true

	out, err := e.solve(in)

	require.NoError(t, err)
	require.Equal(t, taskID, out.TaskID)
	require.Equal(t, 2*time.Minute, e.elapsed())
}

// What was called for an earlier attempt's task is not this attempt's.
func TestUnknownOutcomeOfALaterAttempt(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(nil, unknownOutcome(true))
	e.withAddress()
	e.newTasks = solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable))
	e.after(10*time.Second, func() { e.call(e.solveStatus().TaskID, e.submissionInput(1).Submission) })
	e.after(20*time.Second, func() { e.call(5, e.submissionInput(1).Submission) })
	in := toSolve
	in.Attempts = 2

	_, err := e.solve(in)

	_, details := requireOutcomeUnknown(t, err)
	require.Equal(t, 10*time.Second+15*time.Minute, e.elapsed())
	require.Equal(t, 1, details.Polls)
	require.Equal(t, []int64{e.service.Purchases()[0].TaskID}, details.TaskIDs)
	require.Zero(t, details.TaskID)
}

// A submission that bought nothing has no task that a call could name.
func TestUnknownOutcomeAfterARefusal(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(nil, unknownOutcome(true))
	e.newTasks = []simulator.Submission{refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable))}
	e.after(10*time.Second, func() { e.call(taskID, e.submissionInput(1).Submission) })

	_, err := e.solve(toSolve)

	requireOutcomeUnknown(t, err)
	require.Empty(t, e.polls)
}
