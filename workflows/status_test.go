package workflows_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// statusJSON is the status query's answer as a client of any language gets it.
func (e *environment) statusJSON() string {
	e.t.Helper()
	value, err := e.QueryWorkflow(workflows.StatusQuery)
	require.NoError(e.t, err)
	var text json.RawMessage
	require.NoError(e.t, value.Get(&text))
	return string(text)
}

func TestStatusInEachState(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t) // which starts at 2026-01-02T03:04:05.6789Z
	e.service.Script(taskID, simulator.Processing(), simulator.TruncatedJSON(), simulator.Ready(solution))
	e.after(time.Second, func() {
		require.JSONEq(t, `{"taskId":74372499131,"state":"waiting","polls":0,"startedAt":"2026-01-02T03:04:05.6789Z",
			"nextPollAt":"2026-01-02T03:04:10.6789Z","deadline":"2026-01-02T03:19:05.6789Z"}`, e.statusJSON())
	})
	e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
		if len(e.polls) == 1 {
			e.after(0, func() {
				require.JSONEq(t, `{"taskId":74372499131,"state":"polling","polls":0,"startedAt":"2026-01-02T03:04:05.6789Z",
					"lastPollAt":"2026-01-02T03:04:10.6789Z","deadline":"2026-01-02T03:19:05.6789Z"}`, e.statusJSON())
			})
		}
		return request()
	}
	e.after(7*time.Second, func() {
		require.JSONEq(t, `{"taskId":74372499131,"state":"waiting","polls":1,"startedAt":"2026-01-02T03:04:05.6789Z",
			"lastPollAt":"2026-01-02T03:04:10.6789Z","nextPollAt":"2026-01-02T03:04:15.8839Z",
			"deadline":"2026-01-02T03:19:05.6789Z","lastStatus":"processing"}`, e.statusJSON())
	})
	e.after(12*time.Second, func() {
		require.Equal(t, workflows.StatePolling, e.status().State, "a poll is under way between its attempts, too")
	})

	_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

	require.NoError(t, err)
	require.JSONEq(t, `{"taskId":74372499131,"state":"ready","polls":2,"startedAt":"2026-01-02T03:04:05.6789Z",
		"lastPollAt":"2026-01-02T03:04:15.8839Z","deadline":"2026-01-02T03:19:05.6789Z","lastStatus":"ready"}`, e.statusJSON())
}

// With PollingActivityRetry the workflow sees no poll before its activity ends.
func TestStatusWhileAttemptsAreThePolls(t *testing.T) {
	t.Parallel()
	withRetries(t, func(t *testing.T, e *environment) { // which starts at 2026-01-02T03:04:05.6789Z
		e.service.Script(taskID, simulator.Processing(), simulator.TruncatedJSON(), simulator.Ready(solution))
		e.after(time.Second, func() {
			require.JSONEq(t, `{"taskId":74372499131,"state":"waiting","polls":0,"startedAt":"2026-01-02T03:04:05.6789Z",
				"nextPollAt":"2026-01-02T03:04:10.6789Z","deadline":"2026-01-02T03:19:05.6789Z"}`, e.statusJSON())
		})
		for _, at := range seconds(7, 12) { // between its attempts, the second of which fails
			e.after(at, func() {
				require.JSONEq(t, `{"taskId":74372499131,"state":"polling","polls":0,"startedAt":"2026-01-02T03:04:05.6789Z",
					"lastPollAt":"2026-01-02T03:04:10.6789Z","deadline":"2026-01-02T03:19:05.6789Z"}`, e.statusJSON())
			})
		}

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.NoError(t, err)
		require.JSONEq(t, `{"taskId":74372499131,"state":"ready","polls":3,"startedAt":"2026-01-02T03:04:05.6789Z",
			"lastPollAt":"2026-01-02T03:04:10.6789Z","deadline":"2026-01-02T03:19:05.6789Z","lastStatus":"ready"}`, e.statusJSON())
	})
}

func TestStatusAfterAFailure(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Error("ERROR_ZERO_BALANCE"))

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		status := e.status()
		require.Equal(t, workflows.StateFailed, status.State)
		require.Equal(t, applicationError(t, err).Message(), status.LastError)
		require.Equal(t, 1, status.Polls)
		require.Nil(t, status.NextPollAt)
	})
}

func TestStatusAfterATimeout(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 12 * time.Second})

		status := e.status()
		require.Equal(t, workflows.StateFailed, status.State)
		require.Equal(t, applicationError(t, err).Message(), status.LastError)
		require.Equal(t, "processing", status.LastStatus)
		require.Equal(t, e.start.Add(12*time.Second), *status.LastPollAt)
	})
}

func TestStatusOfARefusedInput(t *testing.T) {
	t.Parallel()
	for _, input := range []string{`null`, `{"taskId":-5}`, `{"taskId":5,"timeout":"2562047h"}`, `{"taskId":5,"timeout":"-2562047h"}`} {
		e := newEnvironment(t)

		_, err := e.awaitInput(jsonPayload(input))

		status := e.status()
		require.Equal(t, workflows.StateFailed, status.State)
		require.Equal(t, applicationError(t, err).Message(), status.LastError)
		require.Zero(t, status.Polls)
	}
}
