package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestCancellationWhileItWaits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		at       time.Duration
		requests int
	}{
		"before the first poll": {2 * time.Second, 0},
		"between polls":         {12 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
				e.service.Script(taskID)
				e.after(test.at, e.CancelWorkflow)

				_, err := e.await(seldom)

				requireCanceled(t, err)
				require.Equal(t, test.at, e.elapsed())
				require.Len(t, e.service.RequestsFor(taskID), test.requests)
				require.Equal(t, workflows.StateCanceled, e.status().State)
				require.Nil(t, e.status().NextPollAt)
			})
		})
	}
}

// The activity may go on, within its request's timeout; nobody waits for it.
func TestCancellationDuringAPoll(t *testing.T) {
	t.Parallel()
	withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Ready(solution))
		ended, release := make(chan struct{}), make(chan struct{})
		e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
			defer close(ended)
			e.CancelWorkflow()
			<-release
			return request()
		}

		_, err := e.await(seldom)

		requireCanceled(t, err)
		require.Equal(t, 5*time.Second, e.elapsed())
		require.Empty(t, e.service.RequestsFor(taskID), "it has not ended by then")
		close(release)
		<-ended
	})
}

func TestCancellationBetweenTheAttemptsOfAPoll(t *testing.T) {
	t.Parallel()
	withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.RetryAfter(503, "60"), simulator.Ready(solution))
		e.after(30*time.Second, e.CancelWorkflow)

		_, err := e.await(seldom)

		requireCanceled(t, err)
		require.Equal(t, 30*time.Second, e.elapsed())
		require.Len(t, e.service.RequestsFor(taskID), 1)
	})
}

func TestCancellationDuringTheLastPoll(t *testing.T) {
	t.Parallel()
	withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
		release := make(chan struct{})
		defer close(release)
		e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
			e.CancelWorkflow()
			<-release
			return nil, temporal.NewApplicationError("too late", "Late")
		}

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Second})

		requireCanceled(t, err)
	})
}

func requireCanceled(t *testing.T, err error) {
	t.Helper()
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, workflows.Canceled, workflows.ErrorCode(err))
}
