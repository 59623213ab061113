package workflows_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// requireScheduled checks the requests of an undisturbed wait against the schedule as it is
// specified: the first poll after the initial delay; then 15 % of the time waited, within
// pollInterval and maxPollInterval, and up to 10 % on top of it; the last poll on the deadline,
// which a wait that would end within 5 s of it is stretched to. Polls take no time.
func (e *environment) requireScheduled(in workflows.AwaitTaskResultInput) {
	t := e.t
	t.Helper()
	requests := e.requestTimes(in.TaskID)
	require.NotEmpty(t, requests)
	last := len(requests) - 1
	require.Equal(t, in.Timeout, requests[last], "the last poll is on the deadline")
	if in.InitialDelay > in.Timeout-5*time.Second {
		require.Zero(t, last, "the first poll is the last, too")
		return
	}
	require.Equal(t, in.InitialDelay, requests[0], "the first poll has no jitter")
	for number, waited := range requests[:last] {
		interval := requests[number+1] - waited
		what := fmt.Sprintf("task %d: the interval before poll %d, %s after %s", in.TaskID, number+2, interval, waited)
		shortest := min(max(waited*15/100, in.PollInterval), in.MaxPollInterval)
		longest := shortest + shortest/10
		left := in.Timeout - waited
		if number+1 < last {
			require.GreaterOrEqual(t, interval, shortest, what)
			require.LessOrEqual(t, interval, longest, what)
			require.LessOrEqual(t, interval, left-5*time.Second, what+": it leaves no room for the last poll")
		} else { // which has no jitter
			require.GreaterOrEqual(t, longest, left-5*time.Second, what+": there was room for another poll")
		}
	}
}

// requireTimersFor checks that an undisturbed wait to the deadline has a timer for each poll, or
// each activity, and no others, and none that is canceled.
func (e *environment) requireTimersFor(polls int) {
	e.t.Helper()
	require.Len(e.t, e.timers, e.timersOf(polls-1)+1)
	require.Zero(e.t, e.timersCanceled)
}

func TestDefaultWaitToTheDeadline(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)

		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID})

		require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
		in := workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: 5 * time.Second, PollInterval: 5 * time.Second,
			MaxPollInterval: 10 * time.Second, Timeout: 15 * time.Minute}
		e.requireScheduled(in)

		// Without jitter it would be this many polls, and with all of it a tenth less.
		most := 1
		for waited := in.InitialDelay; waited < in.Timeout; most++ {
			waited += min(max(waited*15/100, in.PollInterval), in.MaxPollInterval)
		}
		polls := len(e.requestTimes(taskID))
		require.LessOrEqual(t, polls, most)
		require.GreaterOrEqual(t, polls, most*10/11-1)
		e.requireTimersFor(polls)
	})
}

// A running workflow survives another jitter, but a change should be one that was meant.
func TestJitterOfOneTask(t *testing.T) {
	t.Parallel()
	withEachPolling(t, func(t *testing.T, e *environment) {
		e.service.Script(taskID)
		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: taskID, Timeout: 31 * time.Second})
		require.Error(t, err)
		require.Equal(t, seconds(5, 10.205, 15.245, 20.25, 25.37, 31), e.requestTimes(taskID))
	})
}

func TestJitterDependsOnTaskAndPollAlone(t *testing.T) {
	t.Parallel()
	// In thousandths of the interval, by poll.
	jitter := func(id int64, interval time.Duration) []time.Duration {
		e := newEnvironment(t)
		e.service.Script(id)
		_, err := e.await(workflows.AwaitTaskResultInput{TaskID: id, PollInterval: interval, MaxPollInterval: interval,
			Timeout: 20 * interval})
		require.Error(t, err)
		var jitter []time.Duration
		for _, timer := range e.timers[1:17] {
			require.Zero(t, (timer.duration-interval)%(interval/1000), "integer arithmetic")
			jitter = append(jitter, (timer.duration-interval)/(interval/1000))
		}
		return jitter
	}

	first := jitter(1, 5*time.Second)
	require.Equal(t, first, jitter(1, 5*time.Second), "it is the same again")
	require.Equal(t, first, jitter(1, 7*time.Second), "it does not depend on the interval")
	second := jitter(2, 5*time.Second)
	require.NotEqual(t, first, second, "tasks submitted together are spread")
	distinct := map[time.Duration]bool{}
	for _, thousandths := range append(first, second...) {
		require.GreaterOrEqual(t, thousandths, time.Duration(0))
		require.LessOrEqual(t, thousandths, time.Duration(100))
		distinct[thousandths] = true
	}
	require.Greater(t, len(distinct), 16, "polls are spread")
}

func TestOwnSchedules(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]workflows.AwaitTaskResultInput{
		"submitted long ago":      {TaskID: 7, InitialDelay: time.Millisecond},
		"long first delay":        {TaskID: 7, InitialDelay: 10 * time.Minute},
		"seldom":                  {TaskID: 7, PollInterval: time.Minute},
		"growing":                 {TaskID: 7, MaxPollInterval: time.Hour, Timeout: 24 * time.Hour},
		"even":                    {TaskID: 7, MaxPollInterval: 5 * time.Second, Timeout: 10 * time.Minute},
		"one poll":                {TaskID: 7, Timeout: 5 * time.Second},
		"one poll, at once":       {TaskID: 7, Timeout: time.Millisecond},
		"first poll stretched":    {TaskID: 7, InitialDelay: time.Minute, Timeout: time.Minute + 4999*time.Millisecond},
		"first poll cut":          {TaskID: 7, InitialDelay: time.Hour, Timeout: time.Minute},
		"interval beyond timeout": {TaskID: 7, PollInterval: 24 * time.Hour, Timeout: time.Minute},
		"two polls":               {TaskID: 7, Timeout: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(in.TaskID)

				_, err := e.await(in)

				require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
				e.requireScheduled(withDefaults(in))
				e.requireTimersFor(len(e.requestTimes(in.TaskID)))
			})
		})
	}
}

func TestSchedulesOfRandomTasks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			in := workflows.AwaitTaskResultInput{
				TaskID:       1 + random.Int64N(math.MaxInt64),
				InitialDelay: time.Duration(random.Int64N(int64(20 * time.Second))).Truncate(time.Millisecond),
				PollInterval: 5*time.Second + time.Duration(random.Int64N(int64(10*time.Second))),
				Timeout:      time.Minute + time.Duration(random.Int64N(int64(30*time.Minute))),
			}
			in.MaxPollInterval = in.PollInterval + time.Duration(random.Int64N(int64(time.Minute)))
			pending := random.IntN(150)
			withEachPolling(t, func(t *testing.T, e *environment) {
				e.service.Script(in.TaskID, append(slices.Repeat([]simulator.Answer{simulator.Processing()}, pending),
					simulator.Body(`{"status":"ready","solution":1}`))...)

				out, err := e.await(in)

				require.Empty(t, e.service.CloserThan(5*time.Second))
				if err == nil {
					require.Equal(t, pending+1, out.Polls)
					require.LessOrEqual(t, e.elapsed(), in.Timeout)
					if e.elapsed() < in.Timeout {
						require.Len(t, e.timers, e.timersOf(pending+1))
					} else {
						e.requireTimersFor(pending + 1)
					}
					return
				}
				require.Equal(t, workflows.ErrorTypeTaskTimeout, workflows.ErrorCode(err))
				e.requireScheduled(withDefaults(in))
			})
		})
	}
}

func withDefaults(in workflows.AwaitTaskResultInput) workflows.AwaitTaskResultInput {
	set := func(value *time.Duration, preset time.Duration) {
		if *value == 0 {
			*value = preset
		}
	}
	set(&in.InitialDelay, 5*time.Second)
	set(&in.PollInterval, 5*time.Second)
	set(&in.MaxPollInterval, max(10*time.Second, in.PollInterval))
	set(&in.Timeout, 15*time.Minute)
	return in
}
