package activities

import (
	"sync"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

// maxLastRequests bounds the memory: more tasks than this in 5 seconds are not all remembered.
const maxLastRequests = 100_000

// lastRequests remembers for each task when its last request ended, for as long as the service's
// rule forbids another one. Histories alone do not keep the distance: an operator resets, pauses
// and unpauses activities, two workflows wait for one task, a failed wait is started over.
type lastRequests struct {
	mutex sync.Mutex
	// free has when another request for a task may begin; zero while one is under way.
	free    map[int64]time.Time
	pruneAt time.Time
}

// begin notes that a request for the task begins, or returns how long it has to wait.
func (l *lastRequests) begin(taskID int64, now time.Time) (wait time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	free, known := l.free[taskID]
	switch {
	case known && free.IsZero():
		return schedule.MinInterval
	case free.After(now):
		return free.Sub(now)
	}
	l.prune(now)
	if known || len(l.free) < maxLastRequests {
		l.free[taskID] = time.Time{}
	}
	return 0
}

// end notes that the request which began has ended.
func (l *lastRequests) end(taskID int64, now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if _, known := l.free[taskID]; known {
		l.free[taskID] = now.Add(schedule.MinInterval)
	}
}

// prune forgets what no longer matters, at most once in 5 seconds.
func (l *lastRequests) prune(now time.Time) {
	if now.Before(l.pruneAt) {
		return
	}
	l.pruneAt = now.Add(schedule.MinInterval)
	for taskID, free := range l.free {
		if !free.IsZero() && !free.After(now) {
			delete(l.free, taskID)
		}
	}
}
