package activities

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// maxHeldBack bounds the memory: of more callers than this, not all are known again.
const maxHeldBack = 100_000

// held says which requests of this process an answer of the service holds back.
type held int

const (
	nothing     held = iota
	submissions      // createTask alone
	everything       // the service speaks of this process's address
)

// breaker holds requests back after the service has told this process to wait. Nothing but time
// ends that: an answer to a request that was under way meanwhile says nothing of a ban.
type breaker struct {
	mutex                   sync.Mutex
	everything, submissions pause
}

// caller is who sends a request, so that it is known again in its next attempt. A workflow submits
// in an activity of its own each time, so that activities' ids tell nothing.
type caller struct {
	taskID     int64
	workflowID string // if the request is not about one task
}

func callerOf(attempt activity.Info, taskID int64) caller {
	if taskID != 0 {
		return caller{taskID: taskID}
	}
	return caller{workflowID: attempt.WorkflowExecution.ID}
}

// hold notes that the service has told the caller to wait for delay. It returns how long the caller
// has to wait.
func (b *breaker) hold(what held, cause string, delay time.Duration, who caller, now time.Time) time.Duration {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if what == submissions {
		return b.submissions.hold(cause, delay, who, now)
	}
	return b.everything.hold(cause, delay, who, now)
}

// refusal returns why the caller may not send the request now, or nil. A request that has begun
// needs no slot any more.
func (b *breaker) refusal(method string, who caller, now time.Time, begun bool) *notSentReason {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if reason := b.everything.refusal(who, now, begun, "request"); reason != nil || method != CreateTaskActivity {
		return reason
	}
	return b.submissions.refusal(who, now, begun, "submission")
}

// pause is a time without requests, and a tenth of it after it in which the requests that were held
// back begin one by one.
type pause struct {
	cause      string
	until, end time.Time
	// slots has from when on each caller that was told to wait may send again.
	slots map[caller]time.Time
}

func (p *pause) hold(cause string, delay time.Duration, who caller, now time.Time) time.Duration {
	until := now.Add(delay)
	isNew := !now.Before(p.until)
	if isNew || until.After(p.until) {
		p.cause, p.until, p.end = cause, until, until.Add(delay/10)
	}
	if isNew { // whoever is told first asks first whether it is over
		p.slots = map[caller]time.Time{who: until}
	}
	return p.slot(who, now).Sub(now)
}

func (p *pause) refusal(who caller, now time.Time, begun bool, what string) *notSentReason {
	switch {
	case !now.Before(p.end):
		if len(p.slots) > 0 {
			p.slots = map[caller]time.Time{}
		}
		return nil
	case begun && !now.Before(p.until):
		return nil
	}
	slot := p.slot(who, now)
	if !slot.After(now) {
		return nil
	}
	wait := slot.Sub(now)
	return &notSentReason{held: true, delay: wait, text: fmt.Sprintf(
		"the service has answered this process with %s, so that no %s is sent now; this one may be sent in %s",
		p.cause, what, wait.Round(time.Millisecond))}
}

// slot returns from when on the caller may send: a time in what is left of the tenth, which stays
// the caller's unless the pause gets longer.
func (p *pause) slot(who caller, now time.Time) time.Time {
	if slot, known := p.slots[who]; known && !slot.Before(p.until) {
		return slot
	}
	from := p.until
	if now.After(from) {
		from = now
	}
	slot := from.Add(max(rand.N(p.end.Sub(from)+1), time.Millisecond))
	if len(p.slots) < maxHeldBack {
		p.slots[who] = slot
	}
	return slot
}
