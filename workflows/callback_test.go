package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

var withCallback = workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true}

func TestCallbackIsOneRequest(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.ReadyAfter(12*time.Second, solution))
	e.signalAfter(12 * time.Second)

	out, err := e.await(withCallback)

	require.NoError(t, err)
	require.Equal(t, 1, out.Polls)
	require.Equal(t, seconds(12), e.requestTimes(taskID))
	require.Equal(t, []timerRecord{{0, 20 * time.Second, "before poll 1 of task 74372499131"}}, e.timers)
	require.Zero(t, e.timersCanceled)
}

// Polls make up for a callback that never comes.
func TestLostCallback(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID)

	_, err := e.await(withCallback)

	require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
	e.requireScheduled(workflows.AwaitTaskResultInput{
		TaskID: taskID, InitialDelay: 20 * time.Second, PollInterval: time.Minute, MaxPollInterval: time.Minute, Timeout: 15 * time.Minute,
	})
	e.requireTimersFor(len(e.requestTimes(taskID)))
}

func TestCallbackThatComesTooEarly(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.ReadyAfter(30*time.Second, solution))
	e.signalAfter(10 * time.Second)

	out, err := e.await(withCallback)

	require.NoError(t, err)
	require.Equal(t, 4, out.Polls)
	times := e.requestTimes(taskID)
	require.Equal(t, seconds(10, 15, 20), times[:3], "5 s later, and then the first fallback poll where it was")
	require.InDelta(t, 83, times[3].Seconds(), 3, "60 s later, and up to 10 %% more")
	require.Zero(t, e.timersCanceled)
}

// What was set counts, callback or not.
func TestCallbackWithIntervalsOfItsOwn(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID)
	in := workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true, InitialDelay: time.Minute, PollInterval: 2 * time.Minute,
		MaxPollInterval: 3 * time.Minute, Timeout: time.Hour}

	_, err := e.await(in)

	require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
	e.requireScheduled(in)
}

// A callback proves nothing: whoever learns of its address can send any number of them.
func TestThousandCallbacksAreOnePollIn5Seconds(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.ReadyAfter(100*time.Second, solution))
	signals := 0
	var signal func()
	signal = func() { // one sets off the next: the environment takes a hundred at a time
		e.SignalWorkflow(workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: taskID})
		if signals++; signals < 1000 {
			e.after(101*time.Millisecond, signal)
		}
	}
	e.after(0, signal)

	out, err := e.await(withCallback)

	require.NoError(t, err)
	times := e.requestTimes(taskID)
	require.Len(t, times, out.Polls)
	for number := range times[1:] {
		require.GreaterOrEqual(t, times[number+1]-times[number], 5*time.Second)
	}
	require.InDelta(t, 21, len(times), 1, "it polls all the same")
	require.Zero(t, e.timersCanceled)
	require.LessOrEqual(t, len(e.timers), len(times)+2)
}

func TestInlineCallbackTakesCallbacks(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]workflows.AwaitOption{
		"none": nil,
		"nil":  {workflows.WithCallbacks(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)

			err := e.runParent(func(ctx workflow.Context) error {
				_, err := workflows.Await(ctx, withCallback, options...)
				requireInvalidInput(t, err)
				return err
			})

			require.ErrorContains(t, err, "callback is true: within another workflow that takes WithCallbacks")
			require.Empty(t, e.service.Requests())
			require.Empty(t, e.timers)
		})
	}
}
