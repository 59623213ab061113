package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
)

// A run that repeats another does not know what that one has bought.
func TestSolveTaskInARunThatRepeatsAnother(t *testing.T) {
	t.Parallel()
	for name, info := range map[string]func(*workflow.Info){
		"by a retry policy": func(info *workflow.Info) { info.Attempt = 2 },
		"after a reset":     func(info *workflow.Info) { info.OriginalRunID = "the run before" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, resubmit := range []bool{false, true} {
				e := newEnvironment(t)
				e.info = info
				in := toSolve
				in.ResubmitUnknown, in.Attempts = resubmit, 3

				_, err := e.solve(in)

				_, details := requireOutcomeUnknown(t, err)
				require.Zero(t, e.elapsed(), "it ends at once")
				require.Equal(t, 1, details.Attempts)
				require.Empty(t, e.service.Requests(), "nothing is sent, whatever its attempt")
			}
		})
	}
}

// Nobody calls a run by a retry policy, whose submission has a name of its own.
func TestSolveTaskInARetriedRunWaitsForNoCall(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"reported": unknownOutcome(true),
		"lost":     lostRun(submission.Mark{Submission: "x", Callback: true}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.info = func(info *workflow.Info) { info.Attempt = 2 }
			e.outcomes(failure)

			_, err := e.solve(toSolve)

			requireOutcomeUnknown(t, err)
			require.Zero(t, e.elapsed())
		})
	}
}

// The address that the first run gave to the service names the submission of the run that was
// reset, too.
func TestSolveTaskInAResetRunHearsTheCall(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.info = func(info *workflow.Info) { info.OriginalRunID = "the run before" }
	e.outcomes(unknownOutcome(true))
	e.service.Script(taskID, simulator.Ready(solution))
	e.after(20*time.Second, func() { e.call(taskID, "the run before-1") })

	out, err := e.solve(toSolve)

	require.NoError(t, err)
	require.Equal(t, taskID, out.TaskID)
	require.Equal(t, "the run before", e.submissionInput(1).OriginalRunID)
}

// A run that was reset after the call begins with it: the server hands it the signals of the run
// before, and they come before the run's own submission.
func TestSolveTaskInAResetRunTakesTheCallThatCame(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]int64{"with the task's id": taskID, "for another task": taskID + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.info = func(info *workflow.Info) { info.OriginalRunID = "the run before" }
			e.outcomes(unknownOutcome(true))
			e.service.Script(taskID, simulator.Ready(solution))
			e.after(0, func() { e.call(call, "the run before-1") })
			e.after(20*time.Second, func() { e.call(taskID, "the run before-1") })

			out, err := e.solve(toSolve)

			require.NoError(t, err)
			require.Equal(t, taskID, out.TaskID)
			if call == taskID {
				require.Zero(t, e.elapsed(), "it has the id, and polls at once")
			}
		})
	}
}

// A worker that takes up a run late, after a start delay for example, still has its whole time.
func TestSolveTaskThatBeginsLate(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.clockSkip = time.Hour

	_, err := e.solve(toSolve)

	require.NoError(t, err)
	require.Equal(t, 15*time.Minute, e.submissions[0].options.ScheduleToStartTimeout)
	require.Equal(t, e.start, *e.solveStatus().StartedAt)
}
