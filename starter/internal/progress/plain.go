package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
)

const (
	// maxPlainTasks is how many tasks get lines of their own. If there are more, only counts are
	// shown.
	maxPlainTasks = 100

	countsEvery = 10 * time.Second
)

// plain is the progress for files, pipes and terminals that can't move their cursor: a line for
// each change.
type plain struct {
	stdout, stderr io.Writer

	mutex   sync.Mutex
	counts  counts
	told    counts
	closing chan struct{}
	closed  sync.WaitGroup
}

func newPlain(total int, stdout, stderr io.Writer) *plain {
	return &plain{stdout: stdout, stderr: stderr, counts: counts{total: total}, closing: make(chan struct{})}
}

func (p *plain) Open(StatusFunc) {
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

func (p *plain) Close() {
	close(p.closing)
	p.closed.Wait()
}

func (p *plain) Begun(wait batch.Wait) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.counts.begun++
	switch {
	case !p.few():
	case wait.Attached:
		its := "its own settings"
		if _, submits := wait.Job.(batch.SolveJob); submits {
			its = "its own task and settings"
		}
		p.write("%s: attached to its workflow, which was started before with %s", wait.Job, its)
	default:
		p.write("%s: started", wait.Job)
	}
}

func (p *plain) Ended(wait batch.Wait, outcome batch.Outcome) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.counts.add(outcome)
	if !p.few() {
		return
	}
	end := "ready"
	if !outcome.Ready {
		end = "failed: " + outcome.Problem
	}
	if outcome.Polls > 0 {
		end += " after " + Counted(outcome.Polls, "poll")
	}
	if !wait.Attached { // it isn't known here when an attached workflow was started
		end += ", " + seconds(time.Since(wait.Begun))
	}
	p.write("%s: %s", wait.Job, end)
}

func (p *plain) Result(line []byte) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_, err := p.stdout.Write(line)
	return err
}

func (p *plain) Say(format string, values ...any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.write(format, values...)
}

func (p *plain) few() bool { return p.counts.total <= maxPlainTasks }

func (p *plain) sayCounts() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.counts != p.told {
		p.told = p.counts
		p.write("%s", p.counts)
	}
}

func (p *plain) write(format string, values ...any) {
	fmt.Fprintln(p.stderr, strings.Join(strings.Fields(fmt.Sprintf(format, values...)), " "))
}
