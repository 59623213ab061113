package workflows

import "time"

const (
	// minPollInterval is the service's rule: wait at least 5 seconds before asking again
	// (https://2captcha.com/api-docs/get-task-result).
	minPollInterval = 5 * time.Second

	// The interval is this part of the time waited: a task that takes long is asked for less often, which keeps well
	// within the service's 20 polls a task on average, and costs its caller at most that part more.
	intervalPercent = 15

	maxJitterPerMille = 100
)

// schedule tells when a wait polls.
type schedule struct {
	taskID                                      int64
	initialDelay, pollInterval, maxPollInterval time.Duration
	deadline                                    time.Time
}

func newSchedule(settings AwaitTaskResultInput, startedAt time.Time) schedule {
	return schedule{
		taskID:       settings.TaskID,
		initialDelay: settings.InitialDelay, pollInterval: settings.PollInterval, maxPollInterval: settings.MaxPollInterval,
		deadline: startedAt.Add(settings.Timeout),
	}
}

// next is when the poll after p's is due. It depends on p alone, so that a wait that was continued as new goes on as it was.
func (s schedule) next(p progress) time.Time {
	if p.Polls == 0 {
		return s.stretched(p.StartedAt.Add(s.initialDelay))
	}
	due := p.LastPollEnd.Add(s.interval(p.LastPollEnd.Sub(p.StartedAt), p.Polls+1))
	return later(s.stretched(later(due, p.NotBefore)), p.LastPollEnd.Add(minPollInterval))
}

// earliest is when a wake-up may poll.
func (s schedule) earliest(p progress) time.Time {
	if p.Polls == 0 {
		return p.StartedAt
	}
	return later(p.NotBefore, p.LastPollEnd.Add(minPollInterval))
}

// isLast tells whether a poll that is due at that time is the last one.
func (s schedule) isLast(due time.Time) bool {
	return !due.Before(s.deadline)
}

// stretched moves a poll that would leave no room for another before the deadline to the deadline.
func (s schedule) stretched(due time.Time) time.Time {
	if due.After(s.deadline.Add(-minPollInterval)) {
		return s.deadline
	}
	return due
}

// interval is how long to wait before a poll that is not the first, after having waited that long.
func (s schedule) interval(waited time.Duration, poll int) time.Duration {
	interval := min(max(waited*intervalPercent/100, s.pollInterval), s.maxPollInterval)
	return interval + interval/1000*time.Duration(jitterPerMille(s.taskID, poll))
}

// jitterPerMille spreads the polls of tasks that were submitted together. It is the same on every replay: the task's id and the
// poll's number are mixed by SplitMix64's finalizer (Steele, Lea and Flood, 2014).
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
