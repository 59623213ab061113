package workflows_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Whoever runs a wait, it tells of its end in one line, and of nothing else at info or above.
func TestEndOfATaskIsOneLine(t *testing.T) {
	t.Parallel()
	const (
		ready      = `msg="Task ended." .*TaskID=74372499131 Outcome=ready Polls=1 Seconds=5(\.\d)?$`
		unsolvable = `msg="Task ended." .*TaskID=74372499131 Outcome=ERROR_CAPTCHA_UNSOLVABLE Polls=1 Seconds=5(\.\d)?$`
	)
	wait := workflows.AwaitTaskResultInput{TaskID: 74372499131}
	task := workflows.SolveTaskInput{Task: []byte(`{"type":"TextCaptchaTask","comment":"a secret"}`)}
	inline := func(ctx workflow.Context) error {
		if _, err := workflows.Await(ctx, wait); err != nil {
			return err
		}
		_, err := workflows.Solve(ctx, task)
		return err
	}
	refuse := func() error { return temporal.NewNonRetryableApplicationError("no", "ERROR_CAPTCHA_UNSOLVABLE", nil) }
	deny := func() error { return temporal.NewNonRetryableApplicationError("no", "ERROR_ZERO_BALANCE", nil) }
	for name, test := range map[string]struct {
		run    any
		input  []any
		poll   func() error
		submit func() error
		lines  []string
	}{
		"a wait":         {run: workflows.AwaitTaskResultWorkflow, input: []any{wait}, lines: []string{ready}},
		"a failed wait":  {run: workflows.AwaitTaskResultWorkflow, input: []any{wait}, poll: refuse, lines: []string{unsolvable}},
		"a bad input":    {run: workflows.AwaitTaskResultWorkflow, input: []any{map[string]any{"taskId": 5, "timeout": "1ns"}}, lines: []string{`TaskID=5 Outcome=InvalidInput Polls=0 Seconds=0$`}},
		"a solve":        {run: workflows.SolveTaskWorkflow, input: []any{task}, lines: []string{ready}},
		"a failed solve": {run: workflows.SolveTaskWorkflow, input: []any{task}, poll: refuse, lines: []string{unsolvable}},
		"not submitted":  {run: workflows.SolveTaskWorkflow, input: []any{task}, submit: deny, lines: []string{`TaskID=0 Outcome=ERROR_ZERO_BALANCE Polls=0 Seconds=0$`}},
		"both inline":    {run: inline, lines: []string{ready, ready}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, lines := newLoggedEnvironment()
			env.RegisterWorkflow(inline)
			env.RegisterActivityWithOptions(func(context.Context, activities.GetTaskResultInput) (activities.GetTaskResultOutput, error) {
				if test.poll != nil {
					return activities.GetTaskResultOutput{}, test.poll()
				}
				return activities.GetTaskResultOutput{TaskID: wait.TaskID, TaskResult: twocaptcha.TaskResult{
					Status: twocaptcha.StatusReady, Solution: []byte(`"a secret"`),
				}}, nil
			}, activity.RegisterOptions{Name: activities.GetTaskResultActivity})
			env.RegisterActivityWithOptions(func(context.Context) (submission.Output, error) {
				if test.submit != nil {
					return submission.Output{}, test.submit()
				}
				return submission.Output{TaskID: wait.TaskID}, nil
			}, activity.RegisterOptions{Name: activities.SubmitTaskActivity})

			env.ExecuteWorkflow(test.run, test.input...)

			require.True(t, env.IsWorkflowCompleted())
			var got []string
			for line := range strings.Lines(lines.String()) {
				if !strings.Contains(line, `msg="Activity error."`) { // of the stand-ins
					got = append(got, strings.TrimSuffix(line, "\n"))
				}
			}
			require.Len(t, got, len(test.lines), "%s", got)
			for i, line := range test.lines {
				require.Contains(t, got[i], "level=INFO")
				require.Regexp(t, line, got[i])
				require.NotContains(t, got[i], "a secret")
			}
		})
	}
}

// newLoggedEnvironment has the workflows alone. Its log is written to lines, at info and above.
func newLoggedEnvironment() (env *testsuite.TestWorkflowEnvironment, lines *bytes.Buffer) {
	lines = &bytes.Buffer{}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(lines, nil))))
	env = suite.NewTestWorkflowEnvironment()
	workflows.Register(env)
	return env, lines
}

// The SDK logs nothing of a local activity that fails.
func TestVerdictOnTheAccountIsAnErrorInTheLog(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure error
		logged  bool
	}{
		"a verdict": {temporal.NewNonRetryableApplicationError("getBalance: ERROR_ZERO_BALANCE", "ERROR_ZERO_BALANCE", nil), true},
		"a rate":    {temporal.NewApplicationError("getBalance: ERROR_RATE_LIMIT", "ERROR_RATE_LIMIT", activities.ErrorDetails{ErrorCode: "ERROR_RATE_LIMIT"}), false},
		"no answer": {temporal.NewApplicationError("getBalance: down", activities.ErrorTypeRequestFailed), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, lines := newLoggedEnvironment()
			env.RegisterActivityWithOptions(func(context.Context) (workflows.CheckAccountOutput, error) {
				return workflows.CheckAccountOutput{}, test.failure
			}, activity.RegisterOptions{Name: activities.GetBalanceActivity})

			env.ExecuteWorkflow(workflows.CheckAccountWorkflow)

			require.Error(t, env.GetWorkflowError())
			require.Equal(t, test.logged, strings.Contains(lines.String(), "level=ERROR"), lines.String())
			require.Equal(t, test.logged, strings.Contains(lines.String(), "getBalance: ERROR_ZERO_BALANCE"), lines.String())
		})
	}
}
