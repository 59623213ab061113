package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestPollsAreAttemptsOfOneActivity(t *testing.T) {
	t.Parallel()
	requests := map[string][]time.Duration{}
	for _, polling := range []string{workflows.PollingTimer, workflows.PollingActivityRetry} {
		e := newEnvironmentAt(t, time.Now())
		e.polling = polling
		e.service.Script(taskID, simulator.ReadyAfter(31*time.Second, solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.JSONEq(t, solution, string(out.Solution))
		requests[polling] = e.requestTimes(taskID)
		require.Len(t, requests[polling], out.Polls)
		if polling == workflows.PollingActivityRetry {
			require.Len(t, e.timers, 1)
			require.Len(t, e.polls, 1)
			require.Equal(t, "polls of task 74372499131, from poll 1 on", e.polls[0].options.Summary)
		}
	}
	require.Len(t, requests[workflows.PollingActivityRetry], len(requests[workflows.PollingTimer]))
	for number, at := range requests[workflows.PollingTimer] {
		require.InDelta(t, at.Seconds(), requests[workflows.PollingActivityRetry][number].Seconds(), 0.1, "the schedule is the same")
	}
}

func TestActivityThatItsDelayEnds(t *testing.T) {
	t.Parallel()
	e := newEnvironmentAt(t, time.Now())
	e.polling = workflows.PollingActivityRetry
	// A ban of 3 minutes does not fit into 2.
	e.service.Script(taskID, simulator.Processing(), simulator.Error("ERROR_IP_BLOCKED"), simulator.Ready(solution))

	out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 2 * time.Minute})

	require.NoError(t, err)
	require.Equal(t, 3, out.Polls)
	require.Len(t, e.polls, 2)
	require.Equal(t, temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2,
		MaximumInterval: 30 * time.Second, MaximumAttempts: 1}, *e.polls[1].options.RetryPolicy, "the last poll")
	require.InDelta(t, 120, e.requestTimes(taskID)[2].Seconds(), 0.1)
}
