package workflows_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestAwaitHasTheSameResult(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, whole *environment) {
		answer := simulator.Ready(solution)
		whole.service.Script(taskID, simulator.Processing(), answer)
		want, err := whole.await(workflows.AwaitTaskResultInput{TaskID: taskID})
		require.NoError(t, err)

		e := newEnvironment(t)
		e.polling = whole.polling
		e.service.Script(taskID, simulator.Processing(), answer)
		err = e.runParent(func(ctx workflow.Context) error {
			out, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID, Polling: e.polling})
			require.Equal(t, want, out)
			return err
		})

		require.NoError(t, err)
		require.Equal(t, whole.requestTimes(taskID), e.requestTimes(taskID))
		require.Equal(t, whole.timers, e.timers)
		require.Zero(t, e.timersCanceled)
	})
}

func TestAwaitHasTheSameErrors(t *testing.T) {
	t.Parallel()
	for code, answers := range map[string][]simulator.Answer{
		"ERROR_CAPTCHA_UNSOLVABLE": {simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")},
		"ERROR_NO_SUCH_CAPCHA_ID":  {simulator.Processing(), simulator.Expired()},
		"UnexpectedResponse":       {simulator.Body(`{"errorId":1}`)},
		"TaskTimeout":              {simulator.Processing()},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, whole *environment) {
				in := workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Minute, Polling: whole.polling}
				whole.service.Script(taskID, answers...)
				_, err := whole.await(in)
				want := applicationError(t, err)

				e := newEnvironment(t)
				e.polling = whole.polling
				e.service.Script(taskID, answers...)
				err = e.runParent(func(ctx workflow.Context) error {
					_, err := workflows.Await(ctx, in)
					require.Equal(t, code, workflows.ErrorCode(err))
					return err
				})

				got := applicationError(t, err)
				require.Equal(t, want.Error(), got.Error())
				require.Equal(t, code, got.Type())
				require.Equal(t, want.Category(), got.Category())
				require.Equal(t, errorDetails(t, want), errorDetails(t, got))
			})
		})
	}
}

func TestAwaitCountsFromItsCall(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)
		err := e.runParent(func(ctx workflow.Context) error {
			if err := workflow.Sleep(ctx, 10*time.Hour); err != nil {
				return err
			}
			_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID, Polling: e.polling})
			return err
		})
		require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
		requests := e.requestTimes(taskID)
		require.Equal(t, 10*time.Hour+5*time.Second, requests[0])
		require.Equal(t, 10*time.Hour+15*time.Minute, requests[len(requests)-1])
	})
}

func TestAwaitRefusesInput(t *testing.T) {
	t.Parallel()
	var undecoded workflows.AwaitTaskResultInput
	require.NoError(t, json.Unmarshal([]byte(`{"taskId":5,"timeout":"900"}`), &undecoded))
	for message, in := range map[string]workflows.AwaitTaskResultInput{
		"taskId is missing": {},
		`timeout is 25h0m0s: it takes a duration from "1ms" to "24h"`: {TaskID: taskID, Timeout: 25 * time.Hour},
		`timeout is "900": it takes a duration with a unit`:           undecoded,
	} {
		t.Run(message, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			err := e.runParent(func(ctx workflow.Context) error {
				_, err := workflows.Await(ctx, in)
				return err
			})
			requireInvalidInput(t, err)
			require.ErrorContains(t, err, message)
			require.Empty(t, e.service.Requests())
			require.Empty(t, e.timers)
		})
	}
}

func TestAwaitOfAnHour(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.ReadyAfter(time.Hour, solution))
		e.SetContinueAsNewSuggested(true) // which it leaves to its caller
		err := e.runParent(func(ctx workflow.Context) error {
			_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Hour, MaxPollInterval: time.Hour,
				Polling: e.polling})
			return err
		})
		// The service keeps a result for 15 minutes after the task was submitted, not after it was
		// solved.
		require.Equal(t, "ERROR_NO_SUCH_CAPCHA_ID", workflows.ErrorCode(err))
		require.Equal(t, time.Hour, e.elapsed())
	})
}

func TestAwaitRegistersNoHandler(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution))
	e.signalAfter(2 * time.Second)
	e.after(3*time.Second, func() {
		_, err := e.QueryWorkflow(workflows.StatusQuery)
		require.ErrorContains(t, err, "unknown queryType status")
	})
	err := e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID})
		require.Equal(t, 1, workflow.GetSignalChannel(ctx, workflows.TaskCallbackSignal).Len(), "the caller's signals stay there")
		return err
	})
	require.NoError(t, err)
	require.Equal(t, seconds(5), e.requestTimes(taskID))
}

func TestAwaitLeavesTheCallersDetailsAlone(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID)
	e.after(12*time.Second, func() { require.Equal(t, "the caller's", e.details()) })
	err := e.runParent(func(ctx workflow.Context) error {
		workflow.SetCurrentDetails(ctx, "the caller's")
		_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Minute})
		return err
	})
	require.Error(t, err)
	require.Equal(t, "the caller's", e.details())
}

func TestAwaitTakesItsCallersTaskQueueAndPriority(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
		err := e.runParent(func(ctx workflow.Context) error {
			ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
				TaskQueue: "callers",
				Priority:  temporal.Priority{PriorityKey: 2},
				// What makes a poll a poll is not the caller's.
				ActivityID:             "callers",
				ScheduleToStartTimeout: time.Second,
				StartToCloseTimeout:    time.Hour,
				ScheduleToCloseTimeout: 2 * time.Hour,
				HeartbeatTimeout:       time.Second,
				WaitForCancellation:    !e.byRetries(),
				RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
				Summary:                "the caller's",
			})
			before := workflow.GetActivityOptions(ctx)
			_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: time.Minute, Polling: e.polling})
			require.Equal(t, before, workflow.GetActivityOptions(ctx))
			return err
		})
		require.NoError(t, err)
		require.Len(t, e.polls, e.timersOf(2))
		summary := "poll 1 of task 74372499131"
		if e.byRetries() {
			summary = "polls of task 74372499131, from poll 1 on"
		}
		require.Equal(t, workflow.ActivityOptions{
			TaskQueue:              "callers",
			Priority:               temporal.Priority{PriorityKey: 2},
			ScheduleToStartTimeout: 55 * time.Second,
			StartToCloseTimeout:    30 * time.Second,
			ScheduleToCloseTimeout: 85 * time.Second,
			WaitForCancellation:    e.byRetries(),
			RetryPolicy: &temporal.RetryPolicy{
				InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
			},
			Summary: summary,
		}, e.polls[0].options)
	})
}

func TestAwaitRunsOnItsCallersTaskQueueByDefault(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution))
	err := e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: taskID})
		require.Equal(t, workflow.GetInfo(ctx).TaskQueueName, e.polls[0].options.TaskQueue)
		return err
	})
	require.NoError(t, err)
}

func TestAwaitLeavesNoTimerBehind(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
	e.signalAfter(20 * time.Second)
	err := e.runParent(func(ctx workflow.Context) error {
		_, err := workflows.Await(ctx, seldom, workflows.WithCallbacks(workflows.NewCallbacks(ctx)))
		if err != nil {
			return err
		}
		return workflow.Sleep(ctx, time.Second)
	})
	require.NoError(t, err)
	require.Equal(t, 21*time.Second, e.elapsed())
	require.Equal(t, 1, e.timersCanceled, "the timer of the poll that was not needed")
}

func TestAwaitCanceledByItsCaller(t *testing.T) {
	t.Parallel()
	withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)
		err := e.runParent(func(ctx workflow.Context) error {
			waiting, cancel := workflow.WithCancel(ctx)
			workflow.Go(ctx, func(ctx workflow.Context) {
				require.NoError(t, workflow.Sleep(ctx, 20*time.Second))
				cancel()
			})
			in := seldom
			in.Polling = e.polling
			_, err := workflows.Await(waiting, in)
			require.True(t, temporal.IsCanceledError(err))
			require.Equal(t, workflows.Canceled, workflows.ErrorCode(err))
			return workflow.Sleep(ctx, time.Second)
		})
		require.NoError(t, err)
		require.Equal(t, 21*time.Second, e.elapsed())
		require.Equal(t, !e.byRetries(), e.timersCanceled == 1, "the one of the next poll, where there is one")
		require.Len(t, e.service.RequestsFor(taskID), 1)
	})
}

func TestAwaitThatWasCanceledBefore(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]func(workflow.Context) []workflows.AwaitOption{
		"asleep": func(workflow.Context) []workflows.AwaitOption { return nil },
		"woken": func(ctx workflow.Context) []workflows.AwaitOption {
			return []workflows.AwaitOption{workflows.WithCallbacks(workflows.NewCallbacks(ctx))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.signalAfter(0)
			err := e.runParent(func(ctx workflow.Context) error {
				waiting, cancel := workflow.WithCancel(ctx)
				cancel()
				_, err := workflows.Await(waiting, seldom, option(ctx)...)
				require.Equal(t, workflows.Canceled, workflows.ErrorCode(err))
				require.Zero(t, e.elapsed())
				return workflow.Sleep(ctx, time.Second) // in which a request would come, if there were one
			})
			require.NoError(t, err)
			require.Empty(t, e.service.Requests())
		})
	}
}

func TestAwaitSeveralTasksAtOnce(t *testing.T) {
	t.Parallel()
	const tasks = 20
	withEachPolling(t, func(t *testing.T, e *environment) {
		for id := int64(1); id <= tasks; id++ {
			e.service.Script(id, simulator.ReadyAfter(time.Duration(id)*3*time.Second, fmt.Sprint(id)))
		}
		err := e.runParent(func(ctx workflow.Context) error {
			group := workflow.NewWaitGroup(ctx)
			for id := int64(1); id <= tasks; id++ {
				group.Add(1)
				workflow.Go(ctx, func(ctx workflow.Context) {
					defer group.Done()
					out, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: id, Polling: e.polling})
					require.NoError(t, err)
					require.Equal(t, fmt.Sprint(id), string(out.Solution))
				})
			}
			group.Wait(ctx)
			return nil
		})
		require.NoError(t, err)
		require.Empty(t, e.service.CloserThan(5*time.Second))
	})
}
