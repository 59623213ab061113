package workflows_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestSummariesOfTimersAndPolls(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 20 * time.Second})

		require.Error(t, err)
		var timers []string
		for _, timer := range e.timers {
			timers = append(timers, timer.summary)
		}
		polls := e.pollSummaries()
		if e.byRetries() {
			require.Equal(t, []string{"before polls of task 74372499131, from poll 1 on", "before poll 3 of task 74372499131, the last"}, timers)
			require.Equal(t, []string{"polls of task 74372499131, from poll 1 on", "poll 3 of task 74372499131, the last"}, polls)
			return
		}
		require.Equal(t, []string{"before poll 1 of task 74372499131", "before poll 2 of task 74372499131",
			"before poll 3 of task 74372499131, the last"}, timers)
		require.Equal(t, []string{"poll 1 of task 74372499131", "poll 2 of task 74372499131",
			"poll 3 of task 74372499131, the last"}, polls)
	})
}

func TestSummariesFitTheirLimit(t *testing.T) {
	t.Parallel()
	const limit = 200
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(math.MaxInt64)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: math.MaxInt64})

		require.Error(t, err)
		require.LessOrEqual(t, len(workflows.StartOptions(math.MaxInt64).StaticSummary), limit)
		require.LessOrEqual(t, len(e.timers[len(e.timers)-1].summary), limit-20, "however many polls there were")
		require.LessOrEqual(t, len(e.polls[len(e.polls)-1].options.Summary), limit-20)
	})
}

func TestCurrentDetails(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
	e.after(time.Second, func() {
		require.Equal(t, "Task 74372499131: **waiting**, 0 polls\n\nNext poll: 2026-01-02T03:04:10Z\n\n"+
			"Deadline: 2026-01-02T03:19:05Z", e.details())
	})
	e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
		if len(e.polls) == 1 {
			e.after(0, func() {
				require.Equal(t, "Task 74372499131: **polling**, 0 polls\n\nDeadline: 2026-01-02T03:19:05Z", e.details())
			})
		}
		return request()
	}
	e.after(7*time.Second, func() {
		require.Equal(t, "Task 74372499131: **waiting**, 1 poll, last answer: processing\n\nNext poll: 2026-01-02T03:04:15Z\n\n"+
			"Deadline: 2026-01-02T03:19:05Z", e.details())
	})

	_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

	require.NoError(t, err)
	require.Equal(t, "Task 74372499131: **ready**, 2 polls, last answer: ready", e.details())
}

func TestCurrentDetailsWhileAttemptsAreThePolls(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
		e.after(7*time.Second, func() {
			require.Equal(t, "Task 74372499131: **polling**, 0 polls\n\nDeadline: 2026-01-02T03:19:05Z", e.details())
		})

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.Equal(t, "Task 74372499131: **ready**, 2 polls, last answer: ready", e.details())
	})
}

func TestCurrentDetailsTellTheLastError(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Error("ERROR_IP_BLOCKED"))
		e.after(7*time.Second, func() {
			require.Equal(t, "Task 74372499131: **waiting**, 1 poll\n\nNext poll: 2026-01-02T03:05:05Z\n\n"+
				"Deadline: 2026-01-02T03:05:05Z\n\nLast error: getTaskResult: ERROR_IP_BLOCKED "+
				"(ask again in 3 minutes or later): The IP is banned for improper use of the API", e.details())
		})

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Minute})

		require.Equal(t, "Task 74372499131: **failed**, 2 polls\n\nLast error: "+applicationError(t, err).Message(), e.details())
	})
}

func TestCurrentDetailsOfARefusedInput(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	_, err := e.awaitInput(jsonPayload(`{"taskId":5,"timeout":"900"}`))
	require.Equal(t, "Task 5: **failed**, 0 polls\n\nLast error: "+applicationError(t, err).Message(), e.details())
}
