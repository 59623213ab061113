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

// A call may come a moment before the result is visible.
func TestWakeUpThatFindsTheTaskProcessingPolls5SecondsLaterAndThenByTheSchedule(t *testing.T) {
	t.Parallel()
	processing := simulator.Processing()
	for name, test := range map[string]struct {
		signals []time.Duration
		polls   []time.Duration // before the planned one
		timers  int
	}{
		"the planned timer is kept":       {seconds(20), seconds(5, 20, 25), 3},
		"too early, twice":                {seconds(7, 8), seconds(5, 10, 15), 4},
		"before the first poll":           {seconds(2), seconds(2, 7), 3},
		"the second poll is no wake-up's": {seconds(20, 21), seconds(5, 20, 25, 30), 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			var answers []simulator.Answer
			for range test.polls {
				answers = append(answers, processing)
			}
			e.service.Script(taskID, append(answers, simulator.Ready(solution))...)
			for _, at := range test.signals {
				e.signalAfter(at)
			}

			out, err := e.await(seldom)

			require.NoError(t, err)
			require.Equal(t, len(test.polls)+1, out.Polls)
			require.Len(t, e.timers, test.timers)
			times := e.requestTimes(taskID)
			require.Equal(t, test.polls, times[:len(test.polls)])
			require.GreaterOrEqual(t, times[len(test.polls)], 35*time.Second, "by the schedule")
			require.LessOrEqual(t, times[len(test.polls)], 41*time.Second)
			require.Zero(t, e.timersCanceled, "its cancellation would be an event")
		})
	}
}

func TestWakeUpWhosePollFailsIsNotFollowedByAHurriedOne(t *testing.T) {
	t.Parallel()
	withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
		// The poll's repeat finds the task processing, long after the call.
		e.service.Script(taskID, simulator.Processing(), simulator.RetryAfter(503, "60"), simulator.Processing(), simulator.Ready(solution))
		e.signalAfter(10 * time.Second)
		e.signalAfter(30 * time.Second)

		_, err := e.await(seldom)

		require.NoError(t, err)
		times := e.requestTimes(taskID)
		require.Equal(t, 5*time.Second, times[0])
		require.GreaterOrEqual(t, times[2]-times[1], time.Minute, "a wake-up does not shorten the delay after a failure")
		require.Equal(t, 5*time.Second, times[3]-times[2], "but it is not forgotten either")
	})
}

// The first poll's timer may be far ahead: after a wake-up the intervals count, not the delay.
func TestPlannedTimerThatIsLaterThanTheScheduleIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.ReadyAfter(time.Minute, solution))
	e.signalAfter(10 * time.Second)

	_, err := e.await(workflows.AwaitTaskResultInput{
		TaskID: taskID, Callback: true, InitialDelay: time.Hour, Timeout: 2 * time.Hour})

	require.NoError(t, err)
	times := e.requestTimes(taskID)
	require.Len(t, times, 3)
	require.Equal(t, seconds(10, 15), times[:2])
	require.InDelta(t, 78, times[2].Seconds(), 3.1, "60 s after the last poll, and up to 10 %% more")
	require.Zero(t, e.timersCanceled)
}

func TestTimerThatIsDueTooSoonAfterAWakeUpLapses(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Processing(), simulator.Processing(), simulator.Processing(), simulator.Ready(solution))
	e.signalAfter(33 * time.Second)

	out, err := e.await(seldom)

	require.NoError(t, err)
	require.Equal(t, 4, out.Polls)
	require.Zero(t, e.timersCanceled, "its cancellation would be an event")
	times := e.requestTimes(taskID)
	require.Equal(t, seconds(5, 33, 38), times[:3])
	require.GreaterOrEqual(t, times[3]-times[2], 30*time.Second, "the interval counts from the last poll")
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

func encoded(encoding, data string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: []byte(data),
	})
}

func TestForeignSignals(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]any{
		"text":                  "hello",
		"list":                  []int64{taskID},
		"task id as a fraction": map[string]any{"taskId": 74372499131.5},
		"task id in words":      map[string]any{"taskId": "the first"},
		"task id in a list":     map[string]any{"taskId": []int64{taskID}},
		"a task id below 1":     map[string]any{"taskId": -74372499131},
		"no task id but 0":      map[string]any{"taskId": 0},
		"true":                  true,
		"another task's id":     workflows.TaskCallback{TaskID: taskID + 1},
		"another task's number": taskID + 1,
		"another task's text":   map[string]any{"taskId": "74372499132"},
		"bytes":                 []byte{0xff, 0x00, 0xfe},
		"broken JSON":           jsonPayload(`{"taskId":`),
		"invalid UTF-8":         jsonPayload("{\"taskId\":\"\xff\"}"),
		"encrypted":             encoded("binary/encrypted", "\x01\x02\x03"),
		"without an encoding":   converter.NewRawValue(&commonpb.Payload{Data: []byte("odd")}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireIgnored(t, workflows.TaskCallbackSignal, payload)
		})
	}
	t.Run("another signal", func(t *testing.T) {
		t.Parallel()
		requireIgnored(t, "taskcallback", workflows.TaskCallback{TaskID: taskID})
	})
}

// Operators signal by hand, and many workflows in a batch.
func TestSignalsThatWake(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]any{
		"the callback's":      workflows.TaskCallback{TaskID: taskID},
		"with more in it":     map[string]any{"taskId": taskID, "submission": "a", "code": "secret"},
		"task id as text":     map[string]any{"taskId": "74372499131"},
		"the number alone":    taskID,
		"the number as text":  "74372499131",
		"null":                nil,
		"task id null":        map[string]any{"taskId": nil},
		"no task id":          map[string]any{"id": 5},
		"no data":             jsonPayload(``),
		"with white space":    jsonPayload(" {\n\"taskId\" : 74372499131 } "),
		"empty payload":       converter.NewRawValue(&commonpb.Payload{}),
		"of another encoding": encoded("json/protobuf", `{"taskId":"74372499131"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireWakes(t, workflows.TaskCallbackSignal, payload)
		})
	}
	t.Run("no payload", func(t *testing.T) {
		t.Parallel()
		requireWakes(t, withoutPayload, nil)
	})
}

func requireWakes(t *testing.T, name string, payload any) {
	t.Helper()
	withEachPollingInRealTime(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID, simulator.ReadyAfter(20*time.Second, solution))
		e.after(20*time.Second, func() { e.SignalWorkflow(name, payload) })

		out, err := e.await(seldom)

		require.NoError(t, err)
		require.Equal(t, 2, out.Polls)
		want := seconds(5, 20)
		if e.byRetries() {
			want = seconds(5, 25) // the activity that waits is canceled first, and 5 s count from its end
		}
		require.Equal(t, want, e.requestTimes(taskID))
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
				want = seconds(5, 10, 15, 20, 25, 35)
			}
			require.Equal(t, want, e.requestTimes(taskID))
			require.LessOrEqual(t, len(e.timers), len(want))
		})
	}
}
