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
	ended  bool    // with an outcome; with Detach: its workflow is known to run
	bought []int64 // Outcome.Bought
}

func newQueue(jobs []Job) *queue {
	q := &queue{waits: make([]wait, len(jobs)), inLine: make(chan *wait, len(jobs))}
	for i, job := range jobs {
		q.waits[i].Job = job
	}
	q.unfinished.Store(int64(len(jobs)))
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
		result.Bought = append(result.Bought, w.bought...)
		if w.ended {
			continue
		}
		result.Unfinished = append(result.Unfinished, w.Job)
		if w.RunID == "" {
			result.NotStarted++
		}
	}
	return result
}
