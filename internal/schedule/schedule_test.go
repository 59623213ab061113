package schedule_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

const taskID = int64(74372499131)

var start = time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)

// newSchedule is the one of an input without settings, but for its deadline.
func newSchedule(timeout time.Duration) schedule.Schedule {
	return schedule.Schedule{
		TaskID: taskID, StartedAt: start, InitialDelay: 5 * time.Second,
		PollInterval: 5 * time.Second, MaxPollInterval: 10 * time.Second, Deadline: start.Add(timeout),
	}
}

func TestFirstPoll(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		initialDelay, timeout, want time.Duration
	}{
		"after the initial delay":           {30 * time.Second, time.Minute, 30 * time.Second},
		"at once":                           {0, time.Minute, 0},
		"with just room for another":        {55 * time.Second, time.Minute, 55 * time.Second},
		"stretched to the deadline":         {55*time.Second + 1, time.Minute, time.Minute},
		"cut to the deadline":               {time.Hour, time.Minute, time.Minute},
		"with less time than between polls": {time.Millisecond, 2 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSchedule(test.timeout)
			s.InitialDelay = test.initialDelay
			require.Equal(t, test.want, s.First().Sub(start))
			require.Equal(t, test.want == test.timeout, s.IsLast(s.First()))
		})
	}
}

func TestNextPoll(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	for name, test := range map[string]struct {
		number             int
		lastEnd, notBefore time.Duration // from the start; 0: no time is given
		want               time.Duration
	}{
		"with this task's jitter":            {number: 2, lastEnd: 5 * time.Second, want: 10_205 * time.Millisecond},
		"with this poll's jitter":            {number: 3, lastEnd: 5 * time.Second, want: 10_040 * time.Millisecond},
		"15 % of the time waited":            {number: 5, lastEnd: minute, want: 69_216 * time.Millisecond},
		"at most 10 s and the jitter":        {number: 5, lastEnd: 5 * minute, want: 310_240 * time.Millisecond},
		"not before":                         {number: 2, lastEnd: 5 * time.Second, notBefore: minute, want: minute},
		"not before the past":                {number: 2, lastEnd: 5 * time.Second, notBefore: time.Second, want: 10_205 * time.Millisecond},
		"not before the deadline":            {number: 2, lastEnd: 5 * time.Second, notBefore: time.Hour, want: 15 * minute},
		"not before its last moment":         {number: 2, lastEnd: 5 * time.Second, notBefore: 15*minute - 1, want: 15 * minute},
		"stretched to the deadline":          {number: 2, lastEnd: 15*minute - 14*time.Second, want: 15 * minute},
		"5 s after one shortly before":       {number: 2, lastEnd: 15*minute - time.Second, want: 15*minute + 4*time.Second},
		"5 s after one shortly after":        {number: 2, lastEnd: 15*minute + time.Second, want: 15*minute + 6*time.Second},
		"5 s after, whatever is not before":  {number: 2, lastEnd: 15 * minute, notBefore: time.Hour, want: 15*minute + 5*time.Second},
		"5 s after one that ended too early": {number: 2, lastEnd: -time.Hour, want: -time.Hour + 5_205*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var notBefore time.Time
			if test.notBefore != 0 {
				notBefore = start.Add(test.notBefore)
			}
			next := newSchedule(15*minute).Next(test.number, start.Add(test.lastEnd), notBefore)
			require.Equal(t, test.want, next.Sub(start))
		})
	}
}

func TestIsLast(t *testing.T) {
	t.Parallel()
	s := newSchedule(time.Minute)
	require.False(t, s.IsLast(s.Deadline.Add(-1)))
	require.True(t, s.IsLast(s.Deadline))
	require.True(t, s.IsLast(s.Deadline.Add(time.Hour)))
}

// Whenever a poll ends, the next one is at least 5 s after it, and the last one on the deadline
// where that is 5 s after it: the same wherever and whenever it is asked for.
func TestSchedulesOfRandomPolls(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 3))
		upTo := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most) + 1)) }
		s := newSchedule(time.Millisecond + upTo([]time.Duration{time.Minute, time.Hour, 24 * time.Hour}[random.IntN(3)]))
		s.TaskID = 1 + random.Int64N(math.MaxInt64)
		s.InitialDelay = upTo(10 * time.Minute)
		s.PollInterval += upTo(time.Minute)
		s.MaxPollInterval = s.PollInterval + upTo(10*time.Minute)
		elsewhere := again(t, s)

		due, number := s.First(), 1
		require.Equal(t, due, elsewhere.First().In(time.UTC))
		for ; !s.IsLast(due); number++ {
			what := fmt.Sprintf("seed %d: poll %d, after one at %s, of %+v", seed, number+1, due.Sub(start), s)
			end := due.Add(upTo(20 * time.Second))
			var notBefore time.Time
			if random.IntN(4) == 0 {
				notBefore = end.Add(upTo(4 * time.Minute))
			}
			next := s.Next(number+1, end, notBefore)

			require.Equal(t, next, elsewhere.Next(number+1, end.In(time.FixedZone("", 3600)), notBefore).In(time.UTC), what)
			require.GreaterOrEqual(t, next.Sub(end), schedule.MinInterval, what)
			if s.IsLast(next) {
				require.True(t, next.Equal(s.Deadline) || next.Equal(end.Add(schedule.MinInterval)), what)
			} else {
				shortest := min(max(end.Sub(start)*15/100, s.PollInterval), s.MaxPollInterval)
				require.GreaterOrEqual(t, next.Sub(end), shortest, what)
				if notBefore.IsZero() {
					require.LessOrEqual(t, next.Sub(end), shortest+shortest/10, what)
				} else {
					require.False(t, next.Before(notBefore), what)
				}
				require.GreaterOrEqual(t, s.Deadline.Sub(next), schedule.MinInterval, what+": there is room for the last poll")
			}
			due = next
		}
		require.False(t, due.Before(s.Deadline), "seed %d: %+v", seed, s)
	}
}

// again is the schedule as an activity's input has it.
func again(t *testing.T, s schedule.Schedule) schedule.Schedule {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	var again schedule.Schedule
	require.NoError(t, json.Unmarshal(text, &again))
	return again
}

// An activity's input may be anyone's.
func TestNextOfAnySchedule(t *testing.T) {
	t.Parallel()
	numbers := []time.Duration{math.MinInt64, -time.Hour, -1, 0, 1, time.Hour, math.MaxInt64}
	times := []time.Time{{}, time.Unix(0, 0), start, time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)}
	for _, startedAt := range times {
		for _, deadline := range times {
			for _, pollInterval := range numbers {
				for _, maxPollInterval := range numbers {
					s := schedule.Schedule{StartedAt: startedAt, Deadline: deadline,
						PollInterval: pollInterval, MaxPollInterval: maxPollInterval}
					next := s.Next(math.MaxInt, start, time.Time{})
					require.GreaterOrEqual(t, next.Sub(start), schedule.MinInterval, "%+v", s)
				}
			}
		}
	}
}

// TestPollsOfAWait counts the polls of a wait by the README's table, for many tasks, and for polls
// that take from 10 ms, with a Temporal server and a service nearby, to 300.
func TestPollsOfAWait(t *testing.T) {
	t.Parallel()
	const never = time.Hour
	for name, test := range map[string]struct {
		readyAfter   time.Duration
		fewest, most int
	}{
		"ready after 5 s":   {5 * time.Second, 1, 1},
		"ready after 20 s":  {20 * time.Second, 4, 4},
		"ready after 1 min": {time.Minute, 10, 11},
		"ready after 2 min": {2 * time.Minute, 16, 17},
		"never ready":       {never, 87, 92},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, takes := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
				for id := range int64(1000) {
					s := newSchedule(15 * time.Minute)
					s.TaskID = id
					polls := pollsOf(s, takes, test.readyAfter)
					require.GreaterOrEqual(t, polls, test.fewest, "task %d, with polls of %s", id, takes)
					require.LessOrEqual(t, polls, test.most, "task %d, with polls of %s", id, takes)
				}
			}
		})
	}
}

// pollsOf is how many polls there are until the task is ready, or the deadline comes.
func pollsOf(s schedule.Schedule, takes, readyAfter time.Duration) int {
	due, polls := s.First(), 1
	for due.Sub(start) < readyAfter && !s.IsLast(due) {
		polls++
		due = s.Next(polls, due.Add(takes), time.Time{})
	}
	return polls
}

func TestPollThatNeedNotWaitForTheInterval(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lastEnd, notBefore time.Duration // from the start; 0: no time is given
		want               time.Duration
	}{
		"5 s later":                           {lastEnd: 20 * time.Second, want: 25 * time.Second},
		"not before":                          {lastEnd: 20 * time.Second, notBefore: 40 * time.Second, want: 40 * time.Second},
		"not before the past":                 {lastEnd: 20 * time.Second, notBefore: time.Second, want: 25 * time.Second},
		"stretched to the deadline":           {lastEnd: 51 * time.Second, want: time.Minute},
		"a delay past the deadline":           {lastEnd: 20 * time.Second, notBefore: time.Hour, want: time.Minute},
		"5 s later, though past the deadline": {lastEnd: 58 * time.Second, want: 63 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var notBefore time.Time
			if test.notBefore != 0 {
				notBefore = start.Add(test.notBefore)
			}
			require.Equal(t, test.want, newSchedule(time.Minute).Soon(start.Add(test.lastEnd), notBefore).Sub(start))
		})
	}
}

func TestPollsThatHaveBeenDue(t *testing.T) {
	t.Parallel()
	s := newSchedule(time.Minute) // polls at 5, 10.205, 15.245 s, as other tests have it
	for name, test := range map[string]struct {
		by   time.Duration
		soon bool
		want int
	}{
		"none before the first":            {by: 4 * time.Second, want: 0},
		"the first":                        {by: 5 * time.Second, want: 1},
		"before the second":                {by: 10_204 * time.Millisecond, want: 1},
		"the second":                       {by: 10_205 * time.Millisecond, want: 2},
		"the second, soon after the first": {by: 10_000 * time.Millisecond, soon: true, want: 2},
		"the third":                        {by: 15_245 * time.Millisecond, want: 3},
		"not the last one":                 {by: time.Hour, want: 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, s.Count(1, start.Add(5*time.Second), test.soon, start.Add(test.by)))
		})
	}
}

func TestDelayAfterFailuresInARow(t *testing.T) {
	t.Parallel()
	for failures, want := range []time.Duration{5, 5, 10, 20, 30, 30, 30} {
		require.Equal(t, want*time.Second, schedule.RetryDelay(failures, schedule.MaxRetryDelay), "%d failures", failures)
	}
	require.Equal(t, 30*time.Second, schedule.RetryDelay(math.MaxInt, schedule.MaxRetryDelay))
}
