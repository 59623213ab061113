package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// suggestContinueAsNewAfter has the history be too long from this time on.
func (e *environment) suggestContinueAsNewAfter(at time.Duration) {
	e.after(at, func() { e.SetContinueAsNewSuggested(true) })
}

// hasTask tells whether the next run was handed the task.
func hasTask(t *testing.T, input converter.RawValue) bool {
	t.Helper()
	data := input.Payload().GetData()
	var properties map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data, &properties))
	_, given := properties["task"]
	require.Equal(t, given, strings.Contains(string(data), taskSecret))
	return given
}

func TestSolveContinuesAsNewBetweenSubmissions(t *testing.T) {
	t.Parallel()
	first := newEnvironment(t)
	first.newTasks = []simulator.Submission{refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable))}
	first.suggestContinueAsNewAfter(6 * time.Second)

	_, err := first.solve(toSolve)

	requireContinued(t, err)
	require.Equal(t, seconds(0, 5), first.submissionTimes())
	next, input := first.nextSolve()
	require.Contains(t, string(input.Payload().GetData()), textTask, "byte for byte")
	next.newTasks = first.newTasks

	_, err = next.solveInput(input)

	code, _, details := endOfSolve(t, err)
	require.Equal(t, twocaptcha.ErrorNoSlotAvailable, code)
	require.Equal(t, 1, details.Attempts)
	require.Equal(t, seconds(15, 35, 75), next.submissionTimes()[:3], "the delays go on")
	require.Less(t, next.elapsed(), 15*time.Minute, "its time is that of the first run")
	require.Greater(t, next.elapsed(), 14*time.Minute)
}

// The service's code is known to the run that ends, even if that run has heard of nothing.
func TestSolveContinuesAsNewWithTheLastAnswer(t *testing.T) {
	t.Parallel()
	first := newEnvironment(t)
	first.newTasks = []simulator.Submission{refusedWith(simulator.Error(twocaptcha.ErrorIPBlocked))}
	first.suggestContinueAsNewAfter(5 * time.Second)
	first.after(6*time.Second, func() { first.call(0, "") })
	in := toSolve
	in.Timeout = 4 * time.Minute
	_, err := first.solve(in)
	requireContinued(t, err)

	next, input := first.nextSolve()
	next.submissionError = func(int) error { return lostRun() }
	_, err = next.solveInput(input)

	code, _, _ := endOfSolve(t, err)
	require.Equal(t, twocaptcha.ErrorIPBlocked, code)
	require.Equal(t, []time.Duration{3 * time.Minute}, next.submissionTimes()[:1])
}

func TestSolveContinuesAsNewWhileItWaits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attempts int
		task     bool
	}{
		"in the last attempt": {1, false},
		"with attempts left":  {2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := newEnvironment(t)
			first.newTasks = solvedBy(simulator.Processing())
			first.suggestContinueAsNewAtPoll(1)
			in := toSolve
			in.Attempts, in.PollInterval = test.attempts, 10*time.Second

			_, err := first.solve(in)

			requireContinued(t, err)
			id := first.service.Purchases()[0].TaskID
			submitted := first.submissionInput(1).Submission
			next, input := first.nextSolve()
			require.Equal(t, test.task, hasTask(t, input))
			next.service.Script(id, simulator.Error(twocaptcha.ErrorCaptchaUnsolvable))
			next.after(100*time.Millisecond, func() {
				status := next.solveStatus()
				require.Equal(t, id, status.TaskID)
				require.Equal(t, []int64{id}, status.TaskIDs)
				require.Equal(t, first.start, *status.SubmittedAt)
				require.Equal(t, workflows.StateWaiting, status.State)
				next.call(0, submitted) // which wakes this run, too
			})

			out, err := next.solveInput(input)

			if !test.task {
				code, _, details := endOfSolve(t, err)
				require.Equal(t, twocaptcha.ErrorCaptchaUnsolvable, code)
				require.Equal(t, []int64{id}, details.TaskIDs)
				require.Equal(t, 10*time.Second, next.elapsed(), "5 seconds after the last poll")
				return
			}
			require.NoError(t, err)
			require.Equal(t, []int64{id, out.TaskID}, out.TaskIDs)
			require.Equal(t, 2, out.Attempts)
			require.Equal(t, textTask, string(next.submissionInput(1).Task))
			require.Equal(t, len(first.polls)+2, out.Polls)
		})
	}
}

func TestSolveContinuesAsNewWithAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		resubmit bool
		task     bool
	}{
		"that is not submitted again": {false, false},
		"that is submitted again":     {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := toSolve
			in.ResubmitUnknown = test.resubmit
			continued := func(t *testing.T) (next *environment, input any, submitted string) {
				t.Helper()
				first := newEnvironment(t)
				first.outcomes(unknownOutcome(true))
				first.suggestContinueAsNewAfter(10 * time.Second)
				first.after(11*time.Second, func() { first.call(0, "another") })
				_, err := first.solve(in)
				requireContinued(t, err)
				require.Equal(t, 11*time.Second, first.elapsed())
				run, value := first.nextSolve()
				require.Equal(t, test.task, hasTask(t, value))
				return run, value, first.submissionInput(1).Submission
			}
			t.Run("and the call comes", func(t *testing.T) {
				t.Parallel()
				next, input, submitted := continued(t)
				next.service.Script(taskID, simulator.Ready(solution))
				next.after(2*time.Second, func() {
					require.Equal(t, workflows.StateOutcomeUnknown, next.solveStatus().State)
					next.call(taskID, submitted)
				})

				out, err := next.solveInput(input)

				require.NoError(t, err)
				require.Equal(t, taskID, out.TaskID)
				require.Equal(t, 13*time.Second, next.elapsed())
			})
			t.Run("and no call comes", func(t *testing.T) {
				t.Parallel()
				next, input, _ := continued(t)

				_, err := next.solveInput(input)

				if test.resubmit {
					require.NoError(t, err)
					require.Equal(t, seconds(60), next.submissionTimes())
					return
				}
				requireOutcomeUnknown(t, err)
				require.Equal(t, 15*time.Minute, next.elapsed())
			})
		})
	}
}

// A run that is over leaves no call behind.
func TestSolveContinuesAsNewWithTheCallsThatCame(t *testing.T) {
	t.Parallel()
	first := newEnvironment(t)
	first.submission = func(in submission.Input, _ func() (any, error)) (any, error) {
		first.call(5, in.Submission)
		first.call(taskID, in.Submission)
		first.SetContinueAsNewSuggested(true)
		return nil, unknownOutcome(true)
	}
	_, err := first.solve(toSolve)
	requireContinued(t, err)
	require.Empty(t, first.polls)

	second, input := first.nextSolve()
	second.service.Script(5, simulator.Expired())
	second.after(time.Second, func() { second.SetContinueAsNewSuggested(true) })
	second.after(2*time.Second, func() { second.call(0, "") })
	_, err = second.solveInput(input)
	requireContinued(t, err)
	require.Equal(t, seconds(0), second.requestTimes(5))

	third, input := second.nextSolve()
	third.service.Script(taskID, simulator.Ready(solution))
	out, err := third.solveInput(input)

	require.NoError(t, err)
	require.Equal(t, taskID, out.TaskID)
	require.Equal(t, 2, out.Polls)
	require.Empty(t, third.requestTimes(5), "the service does not know it")
	require.Equal(t, seconds(5), third.requestTimes(taskID), "5 seconds after the last request")
}

// A cancellation is not a reason to continue.
func TestSolveDoesNotContinueAsNewOnceItIsCanceled(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(lostRun(submission.Mark{Submission: "x"}))
	e.after(10*time.Second, e.CancelWorkflow)
	e.suggestContinueAsNewAfter(11 * time.Second)
	e.after(12*time.Second, func() { e.call(0, "") })
	e.calledBackAfter(20*time.Second, taskID)

	details := e.canceledSolve(toSolve)

	require.Equal(t, taskID, details.TaskID)
	require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, details.LastError, "the service has not confirmed it")
}
