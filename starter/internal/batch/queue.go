package batch

import "sync/atomic"

// queue hands each wait of a run to one goroutine that starts it, and then to those that wait for
// its end in turns.
type queue struct {
	waits      []wait
	begun      atomic.Int64 // how many of the waits were handed out to be started
	inLine     chan *wait   // the waits whose next turn is due; closed when every wait has ended
	unfinished atomic.Int64
	failed     atomic.Int64
}

type wait struct {
	Wait
	ended bool // with an outcome; with Detach: its workflow is known to run
}

func newQueue(taskIDs []int64) *queue {
	q := &queue{waits: make([]wait, len(taskIDs)), inLine: make(chan *wait, len(taskIDs))}
	for i, taskID := range taskIDs {
		q.waits[i].TaskID = taskID
	}
	q.unfinished.Store(int64(len(taskIDs)))
	return q
}

// nextToStart returns nil when all waits were handed out.
func (q *queue) nextToStart() *wait {
	next := q.begun.Add(1) - 1
	if next >= int64(len(q.waits)) {
		return nil
	}
	return &q.waits[next]
}

func (q *queue) ended(outcome Outcome) {
	if !outcome.Ready {
		q.failed.Add(1)
	}
	if q.unfinished.Add(-1) == 0 {
		close(q.inLine)
	}
}

func (q *queue) summary() Summary {
	result := Summary{Failed: int(q.failed.Load())}
	for _, w := range q.waits {
		if w.ended {
			continue
		}
		result.Unfinished = append(result.Unfinished, w.TaskID)
		if w.RunID == "" {
			result.NotStarted++
		}
	}
	return result
}
