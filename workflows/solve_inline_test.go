package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestSolveInline(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.newTasks = solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable), simulator.Ready(solution))
		in := toSolve
		in.Attempts, in.Polling = 2, e.polling
		var out workflows.SolveTaskOutput

		err := e.runParent(func(ctx workflow.Context) (err error) {
			if err = workflow.Sleep(ctx, time.Hour); err != nil {
				return err
			}
			out, err = workflows.Solve(workflow.WithTaskQueue(ctx, "elsewhere"), in)
			return err
		})

		require.NoError(t, err)
		require.Len(t, out.TaskIDs, 2)
		require.Equal(t, []time.Duration{time.Hour, time.Hour + 5*time.Second}, e.submissionTimes(), "its time counts from the call")
		require.Equal(t, "elsewhere", e.submissions[0].options.TaskQueue)
		require.False(t, e.submissionInput(1).Callback, "nobody would hear the call")
		require.Equal(t, seconds(3605), e.requestTimes(out.TaskIDs[0]))
		require.Empty(t, e.details())
	})
}

// Without a receiver nobody can tell what was bought: there is nothing to wait for.
func TestSolveInlineWithoutCallbacksAndAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"reported": unknownOutcome(false),
		"lost":     lostRun(submission.Mark{Submission: "x"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.outcomes(failure)

			err := e.runParent(func(ctx workflow.Context) error {
				_, err := workflows.Solve(ctx, toSolve)
				return err
			})

			requireOutcomeUnknown(t, err)
			require.Zero(t, e.elapsed())
		})
	}
}

// Two Solves in one workflow hear their own calls only, and a wait for another's task hears its
// own.
func TestSolveInlineWithCallbacks(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.withAddress()
	e.newTasks = solvedBy(simulator.Ready(`{"text":"a"}`), simulator.Ready(`{"text":"b"}`))
	e.service.Script(taskID, simulator.Ready(solution))
	results := map[int64]string{}
	e.after(10*time.Second, func() { e.call(0, e.submissionInput(1).Submission) })
	e.after(20*time.Second, func() { e.call(0, e.submissionInput(2).Submission) })
	e.after(30*time.Second, func() { e.call(taskID, "") })

	err := e.runParent(func(ctx workflow.Context) error {
		callbacks := workflows.WithCallbacks(workflows.NewCallbacks(ctx))
		waits := workflow.NewWaitGroup(ctx)
		for range 2 {
			waits.Add(1)
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer waits.Done()
				out, err := workflows.Solve(ctx, toSolve, callbacks)
				require.NoError(t, err)
				require.Equal(t, 1, out.Polls)
				results[out.TaskID] = string(out.Solution)
			})
		}
		_, err := workflows.Await(ctx, withCallback, callbacks)
		waits.Wait(ctx)
		return err
	})

	require.NoError(t, err)
	require.Len(t, results, 2)
	bought := e.service.Purchases()
	require.ElementsMatch(t, seconds(10, 20), append(e.requestTimes(bought[0].TaskID), e.requestTimes(bought[1].TaskID)...),
		"the two are submitted at the same time: either may be bought first")
	require.Equal(t, seconds(20), e.requestTimes(taskID), "its fallback poll")
	require.NotEqual(t, e.submissionInput(1).Submission, e.submissionInput(2).Submission)
}

func TestSolveInlineWithoutAnAddressHearsTheWorker(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(lostRun(submission.Mark{Submission: "x"}))
	e.service.Script(taskID, simulator.Ready(solution))
	e.calledBackAfter(20*time.Second, taskID)
	in := toSolve
	in.DisableCallback = true

	err := e.runParent(func(ctx workflow.Context) error {
		out, err := workflows.Solve(ctx, in, workflows.WithCallbacks(workflows.NewCallbacks(ctx)))
		require.Equal(t, taskID, out.TaskID)
		return err
	})

	require.NoError(t, err)
	require.False(t, e.submissionInput(1).Callback)
	require.Equal(t, 20*time.Second, e.elapsed())
}

// The caller goes on, and finds nothing of a Solve in its history.
func TestSolveInlineLeavesNoTimerBehind(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.outcomes(unknownOutcome(true))
	e.service.Script(taskID, simulator.Ready(solution))
	e.calledBackAfter(20*time.Second, taskID)

	err := e.runParent(func(ctx workflow.Context) error {
		if _, err := workflows.Solve(ctx, toSolve, workflows.WithCallbacks(workflows.NewCallbacks(ctx))); err != nil {
			return err
		}
		return workflow.Sleep(ctx, time.Second)
	})

	require.NoError(t, err)
	require.Len(t, e.timers, 1)
	require.Equal(t, 1, e.timersCanceled)
}

func TestSolveInlineIsCanceled(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.submission = func(_ submission.Input, request func() (any, error)) (any, error) {
		e.CancelWorkflow()
		return request()
	}

	err := e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.Solve(ctx, toSolve)
		return err
	})

	require.True(t, temporal.IsCanceledError(err), "%v", err)
	details, ok := workflows.Details(err)
	require.True(t, ok)
	require.Equal(t, e.service.Purchases()[0].TaskID, details.TaskID)
}

func TestSolveInlineRefusesItsInput(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	in := toSolve
	in.ID = "mine"

	err := e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.Solve(ctx, in)
		return err
	})

	requireInvalidInput(t, applicationError(t, err))
	require.Empty(t, e.submissions)
}

// The caller's workflow can't continue as new for a Solve.
func TestSolveInlineInALongHistory(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.SetContinueAsNewSuggested(true)
	e.newTasks = append(e.newTasks, refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable)))
	e.newTasks = append(e.newTasks, solvedBy(simulator.ReadyAfter(20*time.Second, solution))...)

	err := e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.Solve(ctx, toSolve)
		return err
	})

	require.NoError(t, err)
	require.Len(t, e.polls, 1, "the attempts of one activity poll")
}
