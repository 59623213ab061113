package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// maxPlainTasks is how many tasks get lines of their own. Of more, only the counts are told.
	maxPlainTasks = 100

	countsEvery = 10 * time.Second
)

// plainProgress is the progress for files, pipes and terminals that can't move their cursor: a line for each change.
type plainProgress struct {
	stdout, stderr io.Writer

	mutex   sync.Mutex
	counts  counts
	told    counts
	closing chan struct{}
	closed  sync.WaitGroup
}

func newPlainProgress(total int, stdout, stderr io.Writer) *plainProgress {
	return &plainProgress{stdout: stdout, stderr: stderr, counts: counts{total: total}, closing: make(chan struct{})}
}

func (p *plainProgress) open(statusFunc) {
	if p.few() {
		return
	}
	p.closed.Go(func() {
		ticker := time.NewTicker(countsEvery)
		defer ticker.Stop()
		for {
			select {
			case <-p.closing:
				p.sayCounts()
				return
			case <-ticker.C:
				p.sayCounts()
			}
		}
	})
}

func (p *plainProgress) close() {
	close(p.closing)
	p.closed.Wait()
}

func (p *plainProgress) begun(wait *wait) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.counts.begun++
	switch {
	case !p.few():
	case wait.attached:
		p.write("task %d: attached to its workflow, which was started before with settings of its own", wait.taskID)
	default:
		p.write("task %d: started", wait.taskID)
	}
}

func (p *plainProgress) ended(wait *wait, outcome outcome) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.counts.add(outcome)
	if !p.few() {
		return
	}
	end := "ready"
	if !outcome.ready {
		end = "failed: " + outcome.problem
	}
	if outcome.polls > 0 {
		end += " after " + counted(outcome.polls, "poll")
	}
	if !wait.attached { // when an attached one was started isn't known here
		end += ", " + seconds(time.Since(wait.begun))
	}
	p.write("task %d: %s", wait.taskID, end)
}

func (p *plainProgress) result(line []byte) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_, err := p.stdout.Write(line)
	return err
}

func (p *plainProgress) say(format string, values ...any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.write(format, values...)
}

func (p *plainProgress) few() bool { return p.counts.total <= maxPlainTasks }

func (p *plainProgress) sayCounts() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.counts != p.told {
		p.told = p.counts
		p.write("%s", p.counts)
	}
}

func (p *plainProgress) write(format string, values ...any) {
	fmt.Fprintln(p.stderr, strings.Join(strings.Fields(fmt.Sprintf(format, values...)), " "))
}
