package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestReadyAtTheFirstPoll(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Ready(solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		created := e.start.Unix()
		solveCount := int64(1)
		require.Equal(t, taskID, out.TaskID)
		require.Equal(t, "ready", out.Status)
		require.JSONEq(t, solution, string(out.Solution))
		require.Equal(t, "0.00299", out.Cost)
		require.Equal(t, "1.2.3.4", out.IP)
		require.Equal(t, &created, out.CreateTime)
		require.Equal(t, &created, out.EndTime)
		require.Equal(t, &solveCount, out.SolveCount)
		require.Equal(t, 1, out.Polls)
		require.Equal(t, seconds(5), e.requestTimes(taskID))
		require.Len(t, e.timers, 1)
	})
}

func TestReadyLater(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.ReadyAfter(12*time.Second, solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.Equal(t, 3, out.Polls)
		require.JSONEq(t, solution, string(out.Solution))
		require.Len(t, e.service.RequestsFor(taskID), 3)
		require.Len(t, e.timers, e.timersOf(3))
		require.Zero(t, e.timersCanceled)
	})
}

func TestReadyAtTheLastPoll(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.ReadyAfter(time.Minute, solution))

		out, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Minute})

		require.NoError(t, err)
		require.Equal(t, time.Minute, e.elapsed())
		require.Equal(t, len(e.service.RequestsFor(taskID)), out.Polls)
	})
}

func TestWhatTheServiceLeftOutIsLeftOut(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Body(`{"status":"ready","solution":"8"}`))

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		var result json.RawMessage
		require.NoError(t, e.GetWorkflowResult(&result))
		require.JSONEq(t, `{"taskId":74372499131,"status":"ready","solution":"8","polls":1}`, string(result))
	})
}
