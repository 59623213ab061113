package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// seldom leaves room for wake-ups between two polls: without any, polls are at 5 s and 35 to 38 s.
var seldom = workflows.AwaitTaskResultInput{TaskID: taskID, PollInterval: 30 * time.Second}

func TestSignalPollsAtOnce(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.ReadyAfter(20*time.Second, solution))
	e.signalAfter(20 * time.Second)

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 2, out.Polls)
	require.Equal(t, seconds(5, 20), e.requestTimes(taskID))
	require.Len(t, e.timers, 2, "a wake-up starts no timer")
	require.Zero(t, e.timersCanceled, "a timer that lapses with the workflow costs no event")
}

func TestTimerIsKeptForTheWaitAfterAWakeUp(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(solution))
	e.signalAfter(20 * time.Second)

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 3, out.Polls)
	require.Len(t, e.timers, 2)
	planned := e.timers[1].at + e.timers[1].duration
	require.Equal(t, []time.Duration{5 * time.Second, 20 * time.Second, planned}, e.requestTimes(taskID))
	require.Zero(t, e.timersCanceled)
}

func TestSignalThatIsTooEarlyPolls5SecondsAfterTheLastPoll(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(solution))
	e.signalAfter(7 * time.Second)
	e.signalAfter(8 * time.Second)

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 3, out.Polls)
	require.Len(t, e.timers, 3, "one for each poll")
	require.Equal(t, timerRecord{7 * time.Second, 3 * time.Second, "before poll 2 of task 74372499131"}, e.timers[2])
	planned := e.timers[1].at + e.timers[1].duration
	require.Equal(t, []time.Duration{5 * time.Second, 10 * time.Second, planned}, e.requestTimes(taskID))
	require.Zero(t, e.timersCanceled)
}

func TestTimerThatIsDueTooSoonAfterAWakeUpLapses(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(solution))
	e.signalAfter(33 * time.Second)

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 3, out.Polls)
	require.Len(t, e.timers, 3)
	require.Zero(t, e.timersCanceled, "its cancellation would be an event")
	require.Equal(t, 33*time.Second, e.timers[2].at)
	require.Equal(t, []time.Duration{5 * time.Second, 33 * time.Second, 33*time.Second + e.timers[2].duration},
		e.requestTimes(taskID))
	require.GreaterOrEqual(t, e.timers[2].duration, 30*time.Second, "the interval counts from the wake-up's poll")
}

func TestSignalBeforeTheFirstPoll(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
	e.signalAfter(2 * time.Second)

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 2, out.Polls)
	require.Equal(t, 2*time.Second, e.requestTimes(taskID)[0])
	require.GreaterOrEqual(t, e.requestTimes(taskID)[1], 32*time.Second)
	require.Zero(t, e.timersCanceled, "5 s are too soon after 2 s: it lapses")
}

func TestSignalWithTheStart(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution))
	e.signalAfter(0)

	_, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, seconds(0), e.requestTimes(taskID))
	require.LessOrEqual(t, len(e.timers), 1)
}

func TestSignalDuringAPoll(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
	e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
		answer, err := request()
		e.SignalWorkflow(workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: taskID})
		return answer, err
	}

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 2, out.Polls)
	require.Equal(t, seconds(5, 10), e.requestTimes(taskID))
	require.Len(t, e.timers, 2, "the timer of the wake-up is the only one after the first poll")
	require.Equal(t, 5*time.Second, e.timers[1].duration)
}

func TestSignalDoesNotShortenARetry(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.RetryAfter(429, "60"), simulator.Processing(), simulator.Ready(solution))
	e.signalAfter(20 * time.Second)

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 2, out.Polls)
	require.Equal(t, seconds(5, 65, 70), e.requestTimes(taskID), "but it is not forgotten either")
}

func TestSignalJustBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Ready(solution))
	in := seldom
	in.Timeout = 30 * time.Second
	e.signalAfter(29_500 * time.Millisecond)

	out, err := e.await(in)

	require.NoError(t, err)
	require.Equal(t, 3, out.Polls)
	require.Equal(t, seconds(5, 29.5, 34.5), e.requestTimes(taskID), "the last poll is 5 s after the one before it")
}

func TestForeignSignals(t *testing.T) {
	t.Parallel()
	encoded := func(encoding, data string) converter.RawValue {
		return converter.NewRawValue(&commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: []byte(data),
		})
	}
	for name, payload := range map[string]any{
		"nothing":               nil,
		"text":                  "74372499131",
		"number":                taskID,
		"list":                  []int64{taskID},
		"no task id":            map[string]any{"id": taskID},
		"task id as text":       map[string]any{"taskId": "74372499131"},
		"task id as a fraction": map[string]any{"taskId": 74372499131.5},
		"another task's id":     workflows.TaskCallback{TaskID: taskID + 1},
		"bytes":                 []byte{0xff, 0x00, 0xfe},
		"broken JSON":           jsonPayload(`{"taskId":`),
		"no data":               jsonPayload(``),
		"invalid UTF-8":         jsonPayload("{\"taskId\":\"\xff\"}"),
		"encrypted":             encoded("binary/encrypted", "\x01\x02\x03"),
		"without an encoding":   converter.NewRawValue(&commonpb.Payload{Data: []byte("odd")}),
		"empty payload":         converter.NewRawValue(&commonpb.Payload{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireIgnored(t, workflows.TaskCallbackSignal, payload)
		})
	}
	t.Run("no payload", func(t *testing.T) {
		t.Parallel()
		requireIgnored(t, withoutPayload, nil)
	})
	t.Run("another signal", func(t *testing.T) {
		t.Parallel()
		requireIgnored(t, "taskcallback", workflows.TaskCallback{TaskID: taskID})
	})
}

// requireIgnored has a signal make no poll, and not stop one that a right signal makes after it.
func requireIgnored(t *testing.T, name string, payload any) {
	t.Helper()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Ready(solution))
	e.after(15*time.Second, func() { e.SignalWorkflow(name, payload) })
	e.after(20*time.Second, func() { e.SignalWorkflow(name, payload) })
	e.signalAfter(20 * time.Second)
	e.after(20*time.Second, func() { e.SignalWorkflow(name, payload) })

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 2, out.Polls)
	require.Equal(t, seconds(5, 20), e.requestTimes(taskID))
	require.Len(t, e.timers, 2)
}

func TestAThousandSignals(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]int64{"of this task": taskID, "of another task": taskID + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID)
			for at := range 10 {
				e.after(time.Duration(10+at)*time.Second, func() {
					for range 100 {
						e.SignalWorkflow(workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: id})
					}
				})
			}
			in := seldom
			in.Timeout = 35 * time.Second

			_, err := e.await(in)

			require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
			want := seconds(5, 35)
			if id == taskID {
				want = seconds(5, 10, 15, 20, 35)
			}
			require.Equal(t, want, e.requestTimes(taskID))
			require.LessOrEqual(t, len(e.timers), len(want))
		})
	}
}
