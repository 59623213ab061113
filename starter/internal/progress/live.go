package progress

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/cupwriter"

	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
)

const (
	drawEvery = 500 * time.Millisecond

	// Only the workflows whose tasks are shown are asked for their status: a few at a time, and
	// each for no longer than its answer is of use.
	askEvery   = time.Second
	maxAsked   = 8
	askTimeout = 2 * time.Second
)

// live is the progress for terminals: one line a task, drawn over and over. If there are more tasks
// than lines, it shows the first unfinished ones, and counts.
type live struct {
	stdout, stderr io.Writer
	lines          *cupwriter.Writer // onto standard error
	size           func() (width, height int, err error)
	oneTerminal    bool // standard output is a terminal too

	stop    context.CancelFunc
	stopped sync.WaitGroup

	mutex  sync.Mutex
	shown  bool // between Open and Close
	rows   []row
	rowOf  map[string]int // by the job's workflow id
	counts counts
}

// row is what is known of a job.
type row struct {
	job     batch.Job
	state   string
	polls   int
	since   time.Time // when its workflow was started; zero if that isn't known
	until   time.Time // when it ended; zero while it goes on
	next    time.Time // its next poll; zero if none is planned
	problem string    // what it ended with, or its last error
}

func newLive(jobs []batch.Job, stdout, stderr io.Writer, lines *cupwriter.Writer,
	size func() (width, height int, err error), oneTerminal bool) *live {
	l := &live{
		stdout: stdout, stderr: stderr, lines: lines, size: size, oneTerminal: oneTerminal,
		rows:   make([]row, len(jobs)),
		rowOf:  make(map[string]int, len(jobs)),
		counts: counts{total: len(jobs)},
	}
	for i, job := range jobs {
		l.rows[i] = row{job: job, state: "starting"}
		l.rowOf[job.WorkflowID()] = i
	}
	return l
}

// terminal returns what draws lines on a terminal, or nil if the writer is not a terminal.
func terminal(writer io.Writer) *cupwriter.Writer {
	lines := cupwriter.New(writer, false)
	if !lines.IsTerminal() {
		return nil
	}
	return lines
}

func (l *live) Open(status StatusFunc) {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.stopped.Go(func() { every(ctx, drawEvery, l.redraw) })
	l.stopped.Go(func() { every(ctx, askEvery, func() { l.ask(ctx, status) }) })

	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.shown = true
	l.draw()
}

func (l *live) Close() {
	l.stop()
	l.stopped.Wait()

	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.draw() // for the last time: it stays
	l.shown = false
}

func (l *live) Begun(wait batch.Wait) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.counts.begun++
	row := &l.rows[l.rowOf[wait.Job.WorkflowID()]]
	row.state = "started"
	if wait.Attached {
		row.state = "attached"
	} else {
		row.since = wait.Begun
	}
}

func (l *live) Ended(wait batch.Wait, outcome batch.Outcome) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.counts.add(outcome)
	row := &l.rows[l.rowOf[wait.Job.WorkflowID()]]
	row.state, row.problem = "ready", ""
	if !outcome.Ready {
		row.state, row.problem = "failed", outcome.Problem
	}
	row.polls = max(row.polls, outcome.Polls)
	row.until, row.next = time.Now(), time.Time{}
}

func (l *live) Result(line []byte) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.oneTerminal {
		l.clear()
		defer l.draw()
	}
	_, err := l.stdout.Write(line)
	return err
}

func (l *live) Say(format string, values ...any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.clear()
	fmt.Fprintf(l.stderr, format+"\n", values...)
	l.draw()
}

func (l *live) redraw() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.draw()
}

// clear takes the lines off the terminal, until the next draw. The caller of clear, draw, text and
// visible holds the mutex.
func (l *live) clear() {
	if l.shown {
		_ = l.lines.Flush(0) // errors of standard error are ignored
	}
}

func (l *live) draw() {
	if !l.shown {
		return
	}
	width, height, err := l.size()
	if err != nil || width < 1 || height < 1 {
		width, height = 80, 24
	}
	text := l.text(time.Now(), height-1) // the cursor stands below the last line
	for _, line := range text {
		l.lines.WriteString(cut(line, width-1) + "\n")
	}
	_ = l.lines.Flush(len(text))
}

// text is what is shown in at most height lines.
func (l *live) text(now time.Time, height int) []string {
	shown := l.visible(height)
	labelWidth, stateWidth := 0, len("starting")
	for _, i := range shown {
		labelWidth = max(labelWidth, len(l.rows[i].job.Label()))
		stateWidth = max(stateWidth, len(l.rows[i].state))
	}
	var text []string
	for _, i := range shown {
		text = append(text, l.rows[i].text(now, labelWidth, stateWidth))
	}
	if len(shown) < len(l.rows) {
		text = append(text, l.counts.String())
	}
	return text
}

// visible returns the indexes of the rows that are shown: all, or the first unfinished ones, with
// one line left for the counts.
func (l *live) visible(height int) []int {
	all := len(l.rows) <= height
	if !all {
		height--
	}
	var shown []int
	for i := 0; i < len(l.rows) && len(shown) < height; i++ {
		if all || l.rows[i].until.IsZero() {
			shown = append(shown, i)
		}
	}
	return shown
}

// text is such as "74372499131  waiting    2 polls  12s  next poll in 3s".
func (r row) text(now time.Time, labelWidth, stateWidth int) string {
	waited := ""
	if !r.since.IsZero() {
		until := now
		if !r.until.IsZero() {
			until = r.until
		}
		waited = seconds(max(0, until.Sub(r.since)))
	}
	remark := r.problem
	if in := r.next.Sub(now); in > 0 {
		remark = strings.TrimSuffix("next poll in "+seconds(in)+", "+r.problem, ", ")
	}
	line := fmt.Sprintf("%*s  %-*s  %8s  %6s  %s", labelWidth, r.job.Label(), stateWidth, r.state, Counted(r.polls, "poll"), waited, remark)
	return strings.TrimRight(line, " ")
}

// cut makes text fit into one line of the terminal: it ends with an ellipsis after a whole word if
// it doesn't. A rune that may be wider than one column, or may move the cursor, becomes a question
// mark.
func cut(text string, width int) string {
	const ellipsis = "..." // not "…", which some terminals draw over two columns
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	if len(plain) <= width {
		return plain
	}
	room := width - len(ellipsis)
	if room < 1 {
		return plain[:max(width, 0)]
	}
	words := plain[:room]
	if end := strings.LastIndexByte(plain[:room+1], ' '); end >= room/3 { // else one long word is most of the line
		words = plain[:end]
	}
	return strings.TrimRight(words, " ,;:") + ellipsis
}

// ask updates what is shown.
func (l *live) ask(ctx context.Context, status StatusFunc) {
	var asked sync.WaitGroup
	turns := make(chan struct{}, maxAsked)
	for _, job := range l.unfinishedShown() {
		turns <- struct{}{}
		asked.Go(func() {
			defer func() { <-turns }()
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			answer, err := status(ctx, job)
			if err != nil {
				return // the wait may have ended just now, or no worker answers: the line stays as it is
			}
			l.mutex.Lock()
			defer l.mutex.Unlock()
			row := &l.rows[l.rowOf[job.WorkflowID()]]
			if !row.until.IsZero() {
				return
			}
			row.state, row.polls, row.problem = string(answer.State), answer.Polls, answer.LastError
			row.since = value(cmp.Or(answer.StartedAt, &row.since))
			row.next = value(answer.NextPollAt)
		})
	}
	asked.Wait()
}

func (l *live) unfinishedShown() []batch.Job {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, height, err := l.size()
	if err != nil {
		height = 24
	}
	var jobs []batch.Job
	for _, i := range l.visible(height - 1) {
		if row := l.rows[i]; row.until.IsZero() && row.state != "starting" {
			jobs = append(jobs, row.job)
		}
	}
	return jobs
}

func value(moment *time.Time) time.Time {
	if moment == nil {
		return time.Time{}
	}
	return *moment
}

// every calls again and again until ctx is done.
func every(ctx context.Context, interval time.Duration, call func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			call()
		}
	}
}
