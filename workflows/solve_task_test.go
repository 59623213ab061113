package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestSolveTask(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.newTasks = solvedBy(simulator.ReadyAfter(8*time.Second, solution))
		in := toSolve
		in.Polling, in.LanguagePool, in.SoftID = e.polling, "rn", 4242

		out, err := e.solve(in)

		require.NoError(t, err)
		bought := e.service.Purchases()
		require.Len(t, bought, 1)
		require.Equal(t, bought[0].TaskID, out.TaskID)
		require.JSONEq(t, solution, string(out.Solution))
		require.Equal(t, twocaptcha.StatusReady, out.Status)
		require.Equal(t, 2, out.Polls)
		require.Equal(t, 1, out.Attempts)
		require.Empty(t, out.TaskIDs, "there was one")
		require.JSONEq(t, textTask, string(bought[0].Task.Task))
		require.Equal(t, "rn", bought[0].Task.LanguagePool)
		require.Equal(t, int64(4242), bought[0].Task.SoftID)
		require.Equal(t, seconds(5), e.requestTimes(out.TaskID)[:1])
		require.Equal(t, 1, len(e.submissions))
	})
}

// The task is an interface of the service's: not a byte of it changes on the way to the activity.
func TestSolveTaskPassesTheTaskOnByteForByte(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)

	_, err := e.solve(toSolve)

	require.NoError(t, err)
	require.Equal(t, textTask, string(e.submissionInput(1).Task))
	raw, err := toSolve.RawValue()
	require.NoError(t, err)
	require.Equal(t, `{"task":`+textTask+`}`, string(raw.Payload().GetData()))
}

// How a submission is scheduled decides whether its answer can get lost.
func TestSolveTaskSchedulesASubmission(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	in := toSolve
	in.Timeout = 7 * time.Minute

	_, err := e.solve(in)

	require.NoError(t, err)
	options := e.submissions[0].options
	require.Equal(t, 7*time.Minute, options.ScheduleToStartTimeout)
	require.Equal(t, 30*time.Second, options.StartToCloseTimeout)
	require.Equal(t, 7*time.Minute+30*time.Second, options.ScheduleToCloseTimeout, "one that has begun is never cut off")
	require.Zero(t, options.HeartbeatTimeout)
	require.True(t, options.WaitForCancellation)
	require.Equal(t, int32(1), options.RetryPolicy.MaximumAttempts)
	require.Equal(t, "submission, attempt 1 of 1", options.Summary)
}

func TestSolveTaskRepeatsWhatBoughtNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer simulator.Answer
		delays []time.Duration
	}{
		"no slot":             {simulator.Error(twocaptcha.ErrorNoSlotAvailable), seconds(0, 5, 15, 35, 75, 135, 195)},
		"banned":              {simulator.Error(twocaptcha.ErrorIPBlocked), seconds(0, 180, 360)},
		"too many":            {simulator.Status(429, "slow down"), seconds(0, 5, 15)},
		"too many, and later": {simulator.RetryAfter(429, "40"), seconds(0, 40, 80)},
		"down":                {simulator.Error(twocaptcha.ErrorServiceUnavaliable), seconds(0, 5)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			for range test.delays[1:] {
				e.newTasks = append(e.newTasks, refusedWith(test.answer))
			}
			e.newTasks = append(e.newTasks, solvedBy(simulator.Ready(solution))...)
			e.after(time.Second, func() {
				status := e.solveStatus()
				require.Equal(t, workflows.StateSubmitting, status.State)
				require.NotEmpty(t, status.LastError)
				require.Zero(t, status.TaskID)
				require.Nil(t, status.SubmittedAt)
				require.Contains(t, e.details(), "**submitting**")
			})

			out, err := e.solve(toSolve)

			require.NoError(t, err)
			require.Equal(t, test.delays, e.submissionTimes())
			require.Equal(t, 1, out.Attempts)
			require.Len(t, e.service.Purchases(), 1)
			require.Equal(t, e.start.Add(test.delays[len(test.delays)-1]), *e.solveStatus().SubmittedAt)
		})
	}
}

// Each submission has a name of its own, and no run has those of another.
func TestSolveTaskNamesItsSubmissions(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.newTasks = append(e.newTasks, refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable)))
	e.newTasks = append(e.newTasks, solvedBy(simulator.Ready(solution))...)

	_, err := e.solve(toSolve)

	require.NoError(t, err)
	first, second := e.submissionInput(1), e.submissionInput(2)
	require.NotEqual(t, first.Submission, second.Submission)
	require.NotEmpty(t, first.OriginalRunID)
	require.Contains(t, first.Submission, first.OriginalRunID)
	require.True(t, first.Callback)
	require.Equal(t, int32(1), first.WorkflowAttempt)
}

func TestSolveTaskEndsWithAVerdict(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer simulator.Answer
		code   string
	}{
		"no funds":      {simulator.Error(twocaptcha.ErrorZeroBalance), twocaptcha.ErrorZeroBalance},
		"unknown code":  {simulator.Error("ERROR_OF_TOMORROW"), "ERROR_OF_TOMORROW"},
		"neither":       {simulator.Status(404, "not found"), activities.ErrorTypeUnexpectedResponse},
		"unsolvable":    {simulator.Error(twocaptcha.ErrorCaptchaUnsolvable), twocaptcha.ErrorCaptchaUnsolvable},
		"own word":      {simulator.Error("CreateTaskOutcomeUnknown"), activities.ErrorTypeUnexpectedResponse},
		"bad parameter": {simulator.Error(twocaptcha.ErrorBadParameters), twocaptcha.ErrorBadParameters},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.newTasks = []simulator.Submission{refusedWith(test.answer)}
			in := toSolve
			in.Attempts = 3 // are for tasks that were bought

			_, err := e.solve(in)

			code, _, details := endOfSolve(t, err)
			require.Equal(t, test.code, code)
			require.Zero(t, details.TaskID)
			require.Empty(t, details.TaskIDs)
			require.Equal(t, 1, details.Attempts)
			require.Len(t, e.submissions, 1)
			require.Empty(t, e.service.Purchases())
			require.Equal(t, workflows.StateFailed, e.solveStatus().State)
		})
	}
}

func TestSolveTaskThatCouldNotBeSubmittedInTime(t *testing.T) {
	t.Parallel()
	noSlot, slowDown := simulator.Error(twocaptcha.ErrorNoSlotAvailable), simulator.Status(429, "slow down")
	for name, test := range map[string]struct {
		answers     []simulator.Answer
		code        string
		submissions []time.Duration
	}{
		"with the service's code": {[]simulator.Answer{noSlot}, twocaptcha.ErrorNoSlotAvailable, seconds(0, 5, 15)},
		"without a code":          {[]simulator.Answer{slowDown}, activities.ErrorTypeNotSubmitted, seconds(0, 5, 15)},
		"a code, and then none":   {[]simulator.Answer{noSlot, slowDown}, activities.ErrorTypeNotSubmitted, seconds(0, 5, 15)},
		"no code, and then one":   {[]simulator.Answer{slowDown, noSlot}, twocaptcha.ErrorNoSlotAvailable, seconds(0, 5, 15)},
		"asked for too long":      {[]simulator.Answer{simulator.Error(twocaptcha.ErrorIPBlocked)}, twocaptcha.ErrorIPBlocked, seconds(0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			for _, answer := range test.answers {
				e.newTasks = append(e.newTasks, refusedWith(answer))
			}
			in := toSolve
			in.Timeout = 30 * time.Second

			_, err := e.solve(in)

			code, message, details := endOfSolve(t, err)
			require.Equal(t, test.code, code)
			require.Contains(t, message, "not submitted within 30s, so that this attempt bought nothing")
			require.Equal(t, 1, details.Attempts)
			require.Equal(t, test.submissions, e.submissionTimes())
			require.Equal(t, test.submissions[len(test.submissions)-1], e.elapsed(), "it ends at once")
		})
	}
}

// Without another answer the last one counts.
func TestSolveTaskThatIsNotAnsweredAfterACode(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.newTasks = []simulator.Submission{refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable))}
	e.outcomes(nil, lostRun(), lostRun())
	in := toSolve
	in.Timeout = 30 * time.Second

	_, err := e.solve(in)

	code, _, _ := endOfSolve(t, err)
	require.Equal(t, twocaptcha.ErrorNoSlotAvailable, code)
	require.Equal(t, seconds(0, 5, 15), e.submissionTimes())
}

// A submission that no worker has taken in time has bought nothing.
func TestSolveTaskWithoutAWorkerForItsSubmission(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.submissionError = func(int) error {
		e.clockSkip = 15 * time.Minute
		return scheduleToStartTimeout()
	}

	_, err := e.solve(toSolve)

	code, _, details := endOfSolve(t, err)
	require.Equal(t, activities.ErrorTypeNotSubmitted, code)
	require.Empty(t, details.TaskIDs)
	require.Len(t, e.submissions, 1)
}

func TestSolveTaskSubmitsAgainWhatWasLostBeforeItWasSent(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"a run without a mark":             lostRun(),
		"a run whose mark was overwritten": lostRun(submission.Mark{}),
		"a worker of an older version":     temporal.NewApplicationError("unable to find activityType=submitTask", "ActivityNotRegisteredError"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.submissionError = func(number int) error {
				if number == 1 {
					return failure
				}
				return nil
			}

			_, err := e.solve(toSolve)

			require.NoError(t, err)
			require.Equal(t, seconds(0, 5), e.submissionTimes())
			require.Len(t, e.service.Purchases(), 1)
		})
	}
}

func TestSolveTaskTakesAnotherAttemptAfterAnUnsolvableTask(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.newTasks = solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable), simulator.Error(twocaptcha.ErrorBadDuplicates),
			simulator.Ready(solution))
		e.after(6*time.Second, func() {
			status := e.solveStatus()
			require.Equal(t, workflows.StateWaiting, status.State)
			require.Equal(t, 2, status.Attempts)
			require.Len(t, status.TaskIDs, 2)
			require.Equal(t, 1, status.Polls)
			require.Equal(t, e.start.Add(5*time.Second), *status.SubmittedAt)
			require.Contains(t, e.details(), "Attempts: 2 of 3")
		})
		in := toSolve
		in.Attempts, in.Polling = 3, e.polling

		out, err := e.solve(in)

		require.NoError(t, err)
		require.Equal(t, seconds(0, 5, 10), e.submissionTimes())
		bought := e.service.Purchases()
		require.Len(t, bought, 3)
		require.Equal(t, []int64{bought[0].TaskID, bought[1].TaskID, bought[2].TaskID}, out.TaskIDs)
		require.Equal(t, bought[2].TaskID, out.TaskID)
		require.Equal(t, 3, out.Attempts)
		require.Equal(t, 3, out.Polls, "over all attempts")
		require.Equal(t, out.TaskIDs, e.solveStatus().TaskIDs)
	})
}

func TestSolveTaskFailsWithWhatTheLastAttemptFailedWith(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tasks     []simulator.Submission
		attempts  int
		code      string
		purchases int
		known     bool // the last attempt's task has an id
	}{
		"unsolvable":        {solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable)), 1, twocaptcha.ErrorCaptchaUnsolvable, 1, true},
		"unsolvable, twice": {solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable)), 2, twocaptcha.ErrorCaptchaUnsolvable, 2, true},
		"another verdict":   {solvedBy(simulator.Error(twocaptcha.ErrorBadProxy)), 2, twocaptcha.ErrorBadProxy, 1, true},
		"timeout":           {solvedBy(simulator.ReadyAfter(time.Hour, solution)), 2, workflows.ErrorTypeTaskTimeout, 1, true},
		"no funds for another": {append(solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable)),
			refusedWith(simulator.Error(twocaptcha.ErrorZeroBalance))), 2, twocaptcha.ErrorZeroBalance, 1, false},
		"no slot for another": {append(solvedBy(simulator.Error(twocaptcha.ErrorCaptchaUnsolvable)),
			refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable))), 2, twocaptcha.ErrorNoSlotAvailable, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.newTasks = test.tasks
			in := toSolve
			in.Attempts = test.attempts

			_, err := e.solve(in)

			code, message, details := endOfSolve(t, err)
			require.Equal(t, test.code, code)
			require.NotEmpty(t, message)
			var taskIDs []int64
			for _, bought := range e.service.Purchases() {
				taskIDs = append(taskIDs, bought.TaskID)
			}
			require.Len(t, taskIDs, test.purchases)
			require.Equal(t, taskIDs, details.TaskIDs)
			require.LessOrEqual(t, details.Attempts, test.attempts)
			if test.known {
				require.Equal(t, taskIDs[len(taskIDs)-1], details.TaskID)
				require.Equal(t, len(taskIDs), details.Attempts)
			} else {
				require.Zero(t, details.TaskID, "the last attempt bought none")
				require.Equal(t, 2, details.Attempts)
			}
			require.Equal(t, message, e.solveStatus().LastError)
		})
	}
}

// With callbacks the fallback polls begin late, unless the caller says otherwise.
func TestSolveTaskWithCallbacks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in    workflows.SolveTaskInput
		polls []time.Duration
	}{
		"by default":                {workflows.SolveTaskInput{}, seconds(60)},
		"with a delay":              {workflows.SolveTaskInput{InitialDelay: 7 * time.Second}, seconds(7)},
		"with intervals of its own": {workflows.SolveTaskInput{PollInterval: 20 * time.Second}, seconds(60)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.withAddress()
			e.newTasks = solvedBy(simulator.Ready(solution))
			in := test.in
			in.Task = toSolve.Task

			out, err := e.solve(in)

			require.NoError(t, err)
			require.Equal(t, test.polls, e.requestTimes(out.TaskID))
		})
	}
}

// The caller's maximum counts for fallback polls, too.
func TestSolveTaskWithCallbacksAndASmallMaximum(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.withAddress()
	e.newTasks = solvedBy(simulator.ReadyAfter(65*time.Second, solution))
	in := toSolve
	in.MaxPollInterval = 7 * time.Second

	out, err := e.solve(in)

	require.NoError(t, err)
	require.InDelta(t, 67, e.requestTimes(out.TaskID)[1].Seconds(), 0.7)
}

func TestSolveTaskIsWokenByItsCall(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(e *environment){
		"with both":              func(e *environment) { e.call(e.solveStatus().TaskID, e.submissionInput(1).Submission) },
		"with the name":          func(e *environment) { e.call(0, e.submissionInput(1).Submission) },
		"with the id":            func(e *environment) { e.call(e.solveStatus().TaskID, "") },
		"with neither":           func(e *environment) { e.call(0, "") },
		"with another's id":      func(e *environment) { e.call(5, e.submissionInput(1).Submission) },
		"of an earlier run's id": func(e *environment) { e.call(e.solveStatus().TaskID, "another") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
				e.withAddress()
				e.newTasks = solvedBy(simulator.ReadyAfter(20*time.Second, solution))
				e.after(20*time.Second, func() { call(e) })
				in := toSolve
				in.Polling = e.polling

				out, err := e.solve(in)

				require.NoError(t, err)
				require.Equal(t, 1, out.Polls)
				require.Equal(t, seconds(20), e.requestTimes(out.TaskID))
				require.Equal(t, e.service.Purchases()[0].TaskID, out.TaskID)
			})
		})
	}
}

func TestSolveTaskIsNotWokenByACallForAnotherSubmission(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.withAddress()
	e.after(20*time.Second, func() { e.call(0, "another") })
	e.after(21*time.Second, func() { e.call(5, "another") })

	out, err := e.solve(toSolve)

	require.NoError(t, err)
	require.Equal(t, seconds(60), e.requestTimes(out.TaskID))
}

// The call may be faster than createTask's answer.
func TestSolveTaskTakesACallThatComesBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.submission = func(in submission.Input, request func() (any, error)) (any, error) {
		value, err := request()
		require.NoError(t, err)
		out := value.(submission.Output)
		out.Callback = true
		e.call(out.TaskID, in.Submission)
		return out, nil
	}
	e.newTasks = solvedBy(simulator.Ready(solution))

	out, err := e.solve(toSolve)

	require.NoError(t, err)
	require.Equal(t, seconds(0), e.requestTimes(out.TaskID))
}

func TestSolveTaskWithoutCallbacks(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	in := toSolve
	in.DisableCallback = true

	out, err := e.solve(in)

	require.NoError(t, err)
	require.False(t, e.submissionInput(1).Callback)
	require.Equal(t, seconds(5), e.requestTimes(out.TaskID))
}

// Relatives of the service solve some tasks in createTask's answer.
func TestSolveTaskThatIsSolvedAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.newTasks = []simulator.Submission{boughtBut(simulator.Body(`{"errorId":0,"status":"ready","solution":{"text":"4"}}`))}

	out, err := e.solve(toSolve)

	require.NoError(t, err)
	require.JSONEq(t, `{"text":"4"}`, string(out.Solution))
	require.Zero(t, out.Polls)
	require.Zero(t, out.TaskID)
	require.Equal(t, 1, out.Attempts)
	require.Empty(t, e.polls)
	text, err := json.Marshal(out)
	require.NoError(t, err)
	require.NotContains(t, string(text), "taskId")
	require.Equal(t, workflows.StateReady, e.solveStatus().State)
}

func TestSolveTaskStatus(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t) // which starts at 2026-01-02T03:04:05.6789Z
	e.newTasks = append(e.newTasks, refusedWith(simulator.Error(twocaptcha.ErrorNoSlotAvailable)))
	e.newTasks = append(e.newTasks, solvedBy(simulator.ReadyAfter(2*time.Second, solution))...)
	e.after(time.Second, func() {
		var status map[string]any
		require.NoError(t, json.Unmarshal([]byte(e.statusJSON()), &status))
		require.Contains(t, status["lastError"], twocaptcha.ErrorNoSlotAvailable)
		delete(status, "lastError")
		require.Equal(t, map[string]any{"state": "submitting", "polls": 0., "attempts": 1.,
			"startedAt": "2026-01-02T03:04:05.6789Z", "deadline": "2026-01-02T03:19:05.6789Z"}, status)
	})
	e.after(6*time.Second, func() {
		id := e.service.Purchases()[0].TaskID
		text, err := json.Marshal(map[string]any{"taskId": id, "taskIds": []int64{id}, "state": "waiting", "polls": 0, "attempts": 1,
			"startedAt": "2026-01-02T03:04:05.6789Z", "submittedAt": "2026-01-02T03:04:10.6789Z",
			"nextPollAt": "2026-01-02T03:04:15.6789Z", "deadline": "2026-01-02T03:19:10.6789Z"})
		require.NoError(t, err)
		require.JSONEq(t, string(text), e.statusJSON())
	})

	_, err := e.solve(toSolve)

	require.NoError(t, err)
	status := e.solveStatus()
	require.Equal(t, workflows.StateReady, status.State)
	require.Equal(t, 1, status.Polls)
	require.Nil(t, status.NextPollAt)
}

func TestSolveTaskCalledInAWorkflowOfAnotherType(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)

	err := e.runParent(func(ctx workflow.Context) error {
		out, err := workflows.SolveTask(ctx, toSolve)
		require.Equal(t, 1, out.Polls)
		return err
	})

	require.NoError(t, err)
	require.False(t, e.submissionInput(1).Callback)
	require.Empty(t, e.details())
}
