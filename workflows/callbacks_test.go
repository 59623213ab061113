package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// awaitAll waits for the tasks at once, inline and with one receiver of callbacks, and returns
// their polls. A wait for the task of that number begins after so many minutes.
func (e *environment) awaitAll(in workflows.AwaitTaskResultInput, taskIDs ...int64) map[int64]int {
	e.t.Helper()
	polls := map[int64]int{}
	err := e.runParent(func(ctx workflow.Context) error {
		callbacks := workflows.WithCallbacks(workflows.NewCallbacks(ctx))
		waits := workflow.NewWaitGroup(ctx)
		for _, id := range taskIDs {
			waits.Add(1)
			workflow.Go(ctx, func(ctx workflow.Context) {
				defer waits.Done()
				in := in
				in.TaskID, in.Polling = id, e.polling
				out, err := workflows.Await(ctx, in, callbacks)
				require.NoError(e.t, err)
				polls[id] += out.Polls
			})
		}
		waits.Wait(ctx)
		return nil
	})
	require.NoError(e.t, err)
	return polls
}

func (e *environment) callAfter(at time.Duration, payload any) {
	e.after(at, func() { e.SignalWorkflow(workflows.TaskCallbackSignal, payload) })
}

// Waits on one channel would take each other's calls.
func TestEachInlineWaitGetsTheCallsOfItsTask(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		const tasks = 20
		var taskIDs []int64
		for id := int64(1); id <= tasks; id++ {
			taskIDs = append(taskIDs, id)
			at := time.Duration(tasks+1-id) * time.Second
			e.service.Script(id, simulator.ReadyAfter(at, fmt.Sprint(id)))
			e.callAfter(at, workflows.TaskCallback{TaskID: id})
		}

		e.awaitAll(withCallback, taskIDs...)

		for _, id := range taskIDs {
			require.Equal(t, []time.Duration{time.Duration(tasks+1-id) * time.Second}, e.requestTimes(id), "task %d", id)
		}
	})
}

func TestCallWithoutATaskWakesEveryInlineWait(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		for id := int64(1); id <= 3; id++ {
			e.service.Script(id, simulator.Ready(solution))
		}
		e.after(7*time.Second, func() { e.SignalWorkflow(withoutPayload, nil) })

		e.awaitAll(withCallback, 1, 2, 3)

		for id := int64(1); id <= 3; id++ {
			require.Equal(t, seconds(7), e.requestTimes(id))
		}
	})
}

func TestTwoWaitsForOneTaskAreBothCalled(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution), simulator.Ready(solution))
	e.signalAfter(7 * time.Second)

	polls := e.awaitAll(withCallback, taskID, taskID)

	require.Equal(t, map[int64]int{taskID: 2}, polls, "an attempt that sent nothing is no poll")
	require.Equal(t, seconds(7, 12), e.requestTimes(taskID), "requests for one task keep 5 s, whoever asks")
}

func TestCallThatComesBeforeItsWait(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]any{"for its task": workflows.TaskCallback{TaskID: taskID}, "for any task": map[string]any{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Ready(solution))
			e.service.Script(taskID+1, simulator.Ready(solution))
			e.callAfter(10*time.Second, payload)
			err := e.runParent(func(ctx workflow.Context) error {
				callbacks := workflows.WithCallbacks(workflows.NewCallbacks(ctx))
				for _, id := range []int64{taskID, taskID + 1} {
					if err := workflow.Sleep(ctx, time.Minute); err != nil {
						return err
					}
					in := withCallback
					in.TaskID = id
					if _, err := workflows.Await(ctx, in, callbacks); err != nil {
						return err
					}
				}
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, seconds(60), e.requestTimes(taskID))
			require.Equal(t, seconds(140), e.requestTimes(taskID+1), "it was not called: 20 s after its beginning")
		})
	}
}

func TestWaitThatHasEndedTakesNoCalls(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(1, simulator.Ready(solution))
	e.service.Script(2, simulator.ReadyAfter(30*time.Second, solution))
	e.callAfter(7*time.Second, workflows.TaskCallback{TaskID: 1})
	e.callAfter(30*time.Second, workflows.TaskCallback{TaskID: 1})
	e.callAfter(31*time.Second, workflows.TaskCallback{TaskID: 2})

	e.awaitAll(workflows.AwaitTaskResultInput{Callback: true, InitialDelay: time.Minute}, 1, 2)

	require.Equal(t, seconds(7), e.requestTimes(1))
	require.Equal(t, seconds(31), e.requestTimes(2))
}
