package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// canceledSolve runs SolveTask, which must end as canceled, and returns the cancellation's details.
func (e *environment) canceledSolve(in workflows.SolveTaskInput) workflows.ErrorDetails {
	e.t.Helper()
	_, err := e.solve(in)
	requireCanceled(e.t, err)
	details, ok := workflows.Details(err)
	require.True(e.t, ok, "%v", err)
	require.Equal(e.t, workflows.StateCanceled, e.solveStatus().State)
	require.Equal(e.t, details.TaskID, e.solveStatus().TaskID)
	require.Equal(e.t, details.TaskIDs, e.solveStatus().TaskIDs)
	require.Contains(e.t, e.details(), "**canceled**")
	return details
}

// The answer is waited for: what was bought has an id, which is in the details and in the status.
func TestCancellationWhileCreateTaskIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		task      simulator.Submission
		failure   error
		purchases int
		unknown   bool
		elapsed   time.Duration
	}{
		"bought":                 {solvedBy(simulator.Ready(solution))[0], nil, 1, false, 0},
		"solved at once":         {boughtBut(simulator.Ready(solution)), nil, 1, true, 0},
		"refused":                {refusedWith(simulator.Error(twocaptcha.ErrorZeroBalance)), nil, 0, false, 0},
		"to be repeated":         {refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable)), nil, 0, false, 0},
		"unknown":                {simulator.Submission{}, unknownOutcome(false), 0, true, 0},
		"unknown, by an address": {simulator.Submission{}, unknownOutcome(true), 0, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.newTasks = []simulator.Submission{test.task}
			e.submission = func(_ submission.Input, request func() (any, error)) (any, error) {
				e.CancelWorkflow()
				if test.failure != nil {
					return nil, test.failure
				}
				return request()
			}

			details := e.canceledSolve(toSolve)

			require.Equal(t, test.elapsed, e.elapsed())
			require.Len(t, e.submissions, 1)
			bought := e.service.Purchases()
			require.Len(t, bought, test.purchases)
			require.Equal(t, 1, details.Attempts)
			require.Equal(t, test.unknown, details.LastError == activities.ErrorTypeCreateTaskOutcomeUnknown)
			if test.purchases > 0 && !test.unknown {
				require.Equal(t, bought[0].TaskID, details.TaskID)
				require.Equal(t, []int64{bought[0].TaskID}, details.TaskIDs)
			} else {
				require.Zero(t, details.TaskID)
				require.Empty(t, details.TaskIDs)
			}
			require.Empty(t, e.polls)
		})
	}
}

// A worker may have the answer that the server did not get. It has a minute to tell it.
func TestCancellationWithALostAnswer(t *testing.T) {
	t.Parallel()
	for name, callback := range map[string]bool{"with an address": true, "without an address": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			canceledWithLostRun := func(t *testing.T) *environment {
				t.Helper()
				e := newEnvironment(t)
				e.submissionError = func(int) error {
					e.CancelWorkflow()
					return lostRun(submission.Mark{Submission: "x", Callback: callback})
				}
				return e
			}
			t.Run("that comes", func(t *testing.T) {
				t.Parallel()
				e := canceledWithLostRun(t)
				e.calledBackAfter(40*time.Second, taskID)

				details := e.canceledSolve(toSolve)

				require.Equal(t, taskID, details.TaskID)
				require.Equal(t, 40*time.Second, e.elapsed())
				require.Empty(t, e.polls)
			})
			t.Run("that does not come", func(t *testing.T) {
				t.Parallel()
				e := canceledWithLostRun(t)

				details := e.canceledSolve(toSolve)

				require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, details.LastError)
				require.Zero(t, details.TaskID)
				require.Equal(t, time.Minute, e.elapsed())
			})
		})
	}
}

func TestCancellationOfASolve(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tasks   []simulator.Submission
		failure error
		at      time.Duration
		ends    time.Duration
		bought  bool
		unknown bool
	}{
		"between two submissions": {[]simulator.Submission{refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable))}, nil,
			7 * time.Second, 7 * time.Second, false, false},
		"while it waits for the result": {solvedBy(simulator.Processing()), nil, 7 * time.Second, 7 * time.Second, true, false},
		"while a call is waited for":    {nil, unknownOutcome(true), 7 * time.Second, 7 * time.Second, false, true},
		"within a lost run's minute":    {nil, lostRun(submission.Mark{Submission: "x"}), 7 * time.Second, time.Minute, false, true},
		"after a lost run's minute": {nil, lostRun(submission.Mark{Submission: "x", Callback: true}), 2 * time.Minute, 2 * time.Minute,
			false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.newTasks = test.tasks
			e.outcomes(test.failure)
			e.after(test.at, e.CancelWorkflow)

			details := e.canceledSolve(toSolve)

			require.Equal(t, test.ends, e.elapsed())
			require.Equal(t, test.unknown, details.LastError == activities.ErrorTypeCreateTaskOutcomeUnknown)
			if test.bought {
				require.Equal(t, e.service.Purchases()[0].TaskID, details.TaskID)
				require.Equal(t, twocaptcha.StatusProcessing, details.LastStatus)
				require.Equal(t, 1, details.Polls)
			} else {
				require.Zero(t, details.TaskID)
			}
		})
	}
}

// The purchases of earlier attempts are told, too.
func TestCancellationOfALaterAttempt(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.newTasks = append(solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable)),
		refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable)))
	e.after(7*time.Second, e.CancelWorkflow)
	in := toSolve
	in.Attempts = 2

	details := e.canceledSolve(in)

	require.Equal(t, 2, details.Attempts)
	require.Zero(t, details.TaskID)
	require.Equal(t, []int64{e.service.Purchases()[0].TaskID}, details.TaskIDs)
}
