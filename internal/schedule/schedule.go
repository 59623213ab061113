// Package schedule says when a task is polled. It is arithmetic alone, which two callers share: the
// workflow that sleeps until a poll, and the activity that is retried until then.
package schedule

import "time"

// MinInterval is the service's rule: wait at least 5 seconds before asking again
// (https://2captcha.com/api-docs/get-task-result).
const MinInterval = 5 * time.Second

// A poll that brings no answer is repeated after FirstRetryDelay, and then after twice as long each
// time, up to MaxRetryDelay.
const (
	FirstRetryDelay = MinInterval
	MaxRetryDelay   = 30 * time.Second
)

const (
	// The interval is this part of the time waited: a task that takes long is asked for less often,
	// which keeps well within the service's 20 polls a task on average, and costs its caller at most
	// that part more.
	intervalPercent = 15

	maxJitterPerMille = 100
)

// Schedule is the schedule of one wait for one task. All of its times are by one clock.
type Schedule struct {
	TaskID    int64
	StartedAt time.Time
	// InitialDelay is from StartedAt to the first poll.
	InitialDelay time.Duration
	// PollInterval, at least MinInterval, and MaxPollInterval, at least PollInterval, bound the time
	// from a poll's end to the next one; a jitter of up to 10 % goes on top of it.
	PollInterval    time.Duration
	MaxPollInterval time.Duration
	// Deadline is when the last poll is made.
	Deadline time.Time
}

// First is when the first poll is due.
func (s Schedule) First() time.Time {
	return s.stretched(s.StartedAt.Add(s.InitialDelay))
}

// Next is when the poll of that number is due, after the one before it ended at lastEnd, and not
// before notBefore unless that is past the deadline. It depends on nothing else, so that it is the
// same wherever and whenever it is asked for.
func (s Schedule) Next(number int, lastEnd, notBefore time.Time) time.Time {
	due := lastEnd.Add(s.interval(lastEnd.Sub(s.StartedAt), number))
	return later(s.stretched(later(due, notBefore)), lastEnd.Add(MinInterval))
}

// Soon is when a poll is due that need not wait for the interval: one that repeats a failed poll,
// or follows one that a wake-up hurried. It keeps to MinInterval, to notBefore unless that is past
// the deadline, and to the deadline as Next does.
func (s Schedule) Soon(lastEnd, notBefore time.Time) time.Time {
	earliest := lastEnd.Add(MinInterval)
	return later(s.stretched(later(earliest, notBefore)), earliest)
}

// Count is how many polls of an undisturbed wait have been due by then, from the one of this number
// on, which was made at first, if each took no time. The second one came soon after it if soon is
// set.
func (s Schedule) Count(number int, first time.Time, soon bool, by time.Time) int {
	count := 0
	for due := first; !due.After(by) && !s.IsLast(due); {
		count++
		if soon && count == 1 {
			due = s.Soon(due, time.Time{})
		} else {
			due = s.Next(number+count, due, time.Time{})
		}
	}
	return count
}

// RetryDelay is how long to wait after so many failures in a row, at least one: FirstRetryDelay,
// doubling to longest.
func RetryDelay(failures int, longest time.Duration) time.Duration {
	delay := FirstRetryDelay
	for ; failures > 1 && delay < longest; failures-- {
		delay *= 2
	}
	return min(delay, longest)
}

// IsLast tells whether a poll that is due, or made, at that time is the last one.
func (s Schedule) IsLast(at time.Time) bool {
	return !at.Before(s.Deadline)
}

// stretched moves a poll that would leave no room for another before the deadline to the deadline.
func (s Schedule) stretched(due time.Time) time.Time {
	if due.After(s.Deadline.Add(-MinInterval)) {
		return s.Deadline
	}
	return due
}

// interval is how long to wait before a poll that is not the first, after having waited that long.
func (s Schedule) interval(waited time.Duration, poll int) time.Duration {
	interval := min(max(waited*intervalPercent/100, s.PollInterval), s.MaxPollInterval)
	return interval + interval/1000*time.Duration(jitterPerMille(s.TaskID, poll))
}

// jitterPerMille spreads the polls of tasks that were submitted together. It is the same on every
// replay: the task's id and the poll's number are mixed by SplitMix64's finalizer (Steele, Lea and
// Flood, 2014).
func jitterPerMille(taskID int64, poll int) uint64 {
	mixed := uint64(taskID) + uint64(poll)*0x9e3779b97f4a7c15
	mixed = (mixed ^ mixed>>30) * 0xbf58476d1ce4e5b9
	mixed = (mixed ^ mixed>>27) * 0x94d049bb133111eb
	mixed ^= mixed >> 31
	return mixed % (maxJitterPerMille + 1)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
