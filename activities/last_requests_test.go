package activities_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// clock is a wall clock that a test moves.
type clock struct{ elapsed atomic.Int64 }

func (c *clock) Now() time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(c.elapsed.Load()))
}

func (c *clock) move(by time.Duration) { c.elapsed.Add(int64(by)) }

// requireNotSent is the refusal of an attempt that comes too early, and how long it is to wait.
func requireNotSent(t *testing.T, err error) time.Duration {
	t.Helper()
	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(t, failure.NonRetryable())
	require.Contains(t, failure.Message(), "task 74372499131: getTaskResult: not sent: the last request for this task was less than 5s ago")
	var details activities.ErrorDetails
	notSent := polling.NotSent{Requests: -1}
	require.NoError(t, failure.Details(&details, &notSent))
	require.Zero(t, notSent.Requests, "no attempt of this activity has sent anything")
	return failure.NextRetryDelay()
}

func TestRequestsForOneTaskKeepTheirDistanceWhoeverAsks(t *testing.T) {
	t.Parallel()
	var wall clock
	e := newEnvironmentOf(t, []activities.Option{activities.WithClock(wall.Now)})
	e.service.Script(taskID, simulator.Processing(), simulator.Status(500, ""), simulator.Ready(`{}`))
	e.service.Script(taskID+1, simulator.Processing())
	ask := func(id int64) error {
		_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: id})
		return err
	}

	require.NoError(t, ask(taskID))
	require.Equal(t, 5*time.Second, requireNotSent(t, ask(taskID)))
	require.NoError(t, ask(taskID+1), "another task's request is no nearer for that")
	wall.move(4200 * time.Millisecond)
	require.Equal(t, 800*time.Millisecond, requireNotSent(t, ask(taskID)), "a refusal does not put the next request off")
	_, err := e.pollTaskResult(newSchedule(time.Minute, time.Minute), 0)
	require.Equal(t, 800*time.Millisecond, requireNotSent(t, err), "the other activity asks for the same task")
	require.Len(t, e.service.RequestsFor(taskID), 1)

	wall.move(800 * time.Millisecond)
	require.Contains(t, applicationError(t, ask(taskID)).Message(), "HTTP status 500")
	require.Equal(t, 5*time.Second, requireNotSent(t, ask(taskID)), "a request that failed was one all the same")
	wall.move(5 * time.Second)
	require.NoError(t, ask(taskID))
	require.Len(t, e.service.RequestsFor(taskID), 3)
}

func TestDistanceCountsFromARequestsEnd(t *testing.T) {
	t.Parallel()
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	var wall clock
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: service.URL()})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	shared := activities.New(client, activities.WithClock(wall.Now))
	ask := func() error {
		var suite testsuite.WorkflowTestSuite
		environment := suite.NewTestActivityEnvironment()
		shared.Register(environment)
		_, err := environment.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: taskID})
		return err
	}
	service.Script(taskID, simulator.Stalled(0))
	slow := make(chan error)
	go func() { slow <- ask() }()
	require.NoError(t, service.WaitForRequests(t.Context(), taskID, 1))

	wall.move(7 * time.Second)
	require.Equal(t, 5*time.Second, requireNotSent(t, ask()), "a request is under way")
	service.Close()
	require.Error(t, <-slow)
	require.Equal(t, 5*time.Second, requireNotSent(t, ask()))
}

// Skipped time does not pass by a wall clock: with one, a test that skips time would be refused for
// ever.
func TestTestEnvironmentWithoutAClockKeepsNoDistance(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing())
	for range 3 {
		_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
		require.NoError(t, err)
	}
}
