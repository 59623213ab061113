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
	now func() time.Time // nil: time.Now

	mutex sync.Mutex
	// tasks has when another request for a task may begin; zero while one is under way.
	tasks   map[int64]time.Time
	pruneAt time.Time
}

func newLastRequests(now func() time.Time) *lastRequests {
	return &lastRequests{now: now, tasks: map[int64]time.Time{}}
}

// begin notes that a request for the task begins, and returns what notes its end; or nil and how
// long the request has to wait.
func (l *lastRequests) begin(taskID int64) (end func(), wait time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.clock()
	if free, known := l.tasks[taskID]; known {
		if free.IsZero() {
			return nil, schedule.MinInterval
		}
		if left := free.Sub(now); left > 0 {
			return nil, left
		}
	}
	l.prune(now)
	if len(l.tasks) >= maxLastRequests {
		return func() {}, 0
	}
	l.tasks[taskID] = time.Time{}
	return func() { l.end(taskID) }, 0
}

func (l *lastRequests) end(taskID int64) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.tasks[taskID] = l.clock().Add(schedule.MinInterval)
}

// prune forgets what no longer matters, at most once in 5 seconds.
func (l *lastRequests) prune(now time.Time) {
	if now.Before(l.pruneAt) {
		return
	}
	l.pruneAt = now.Add(schedule.MinInterval)
	for taskID, free := range l.tasks {
		if !free.IsZero() && !free.After(now) {
			delete(l.tasks, taskID)
		}
	}
}

func (l *lastRequests) clock() time.Time {
	if l.now != nil {
		return l.now()
	}
	return time.Now()
}
