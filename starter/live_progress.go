package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/cupwriter"
)

const (
	drawEvery = 500 * time.Millisecond

	// Only the workflows whose tasks are shown are asked for their status: a few at a time, and each for no longer than
	// an answer is of use.
	askEvery   = time.Second
	maxAsked   = 8
	askTimeout = 2 * time.Second
)

// liveProgress is the progress for terminals: one line a task, drawn over and over. Where there are more tasks than
// lines, it shows the first ones that are unfinished, and the counts.
type liveProgress struct {
	stdout, stderr io.Writer
	lines          *cupwriter.Writer // onto standard error
	size           func() (width, height int, err error)
	oneTerminal    bool // standard output is a terminal too

	stop    context.CancelFunc
	stopped sync.WaitGroup

	mutex  sync.Mutex
	shown  bool // between open and close
	rows   []row
	rowOf  map[int64]int // by task id
	counts counts
}

// row is what is known of a task.
type row struct {
	taskID  int64
	state   string
	polls   int
	since   time.Time // when its workflow was started; zero where that isn't known
	until   time.Time // when it ended; zero while it goes on
	next    time.Time // its next poll; zero where there is none
	problem string    // what it ended with, or its last error
}

func newLiveProgress(taskIDs []int64, stdout, stderr io.Writer, lines *cupwriter.Writer,
	size func() (width, height int, err error), oneTerminal bool) *liveProgress {
	l := &liveProgress{
		stdout: stdout, stderr: stderr, lines: lines, size: size, oneTerminal: oneTerminal,
		rows:   make([]row, len(taskIDs)),
		rowOf:  make(map[int64]int, len(taskIDs)),
		counts: counts{total: len(taskIDs)},
	}
	for i, taskID := range taskIDs {
		l.rows[i] = row{taskID: taskID, state: "starting"}
		l.rowOf[taskID] = i
	}
	return l
}

// terminal is what draws lines on a terminal, nil where the writer is none.
func terminal(writer io.Writer) *cupwriter.Writer {
	lines := cupwriter.New(writer, false)
	if !lines.IsTerminal() {
		return nil
	}
	return lines
}

func (l *liveProgress) open(status statusFunc) {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.stopped.Go(func() { every(ctx, drawEvery, l.redraw) })
	l.stopped.Go(func() { every(ctx, askEvery, func() { l.ask(ctx, status) }) })

	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.shown = true
	l.draw()
}

func (l *liveProgress) close() {
	l.stop()
	l.stopped.Wait()

	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.draw() // for the last time: it stays
	l.shown = false
}

func (l *liveProgress) begun(wait *wait) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.counts.begun++
	row := &l.rows[l.rowOf[wait.taskID]]
	row.state = "started"
	if wait.attached {
		row.state = "attached"
	} else {
		row.since = wait.begun
	}
}

func (l *liveProgress) ended(wait *wait, outcome outcome) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.counts.add(outcome)
	row := &l.rows[l.rowOf[wait.taskID]]
	row.state, row.problem = "ready", ""
	if !outcome.ready {
		row.state, row.problem = "failed", outcome.problem
	}
	row.polls = max(row.polls, outcome.polls)
	row.until, row.next = time.Now(), time.Time{}
}

func (l *liveProgress) result(line []byte) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.oneTerminal {
		l.clear()
		defer l.draw()
	}
	_, err := l.stdout.Write(line)
	return err
}

func (l *liveProgress) say(format string, values ...any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.clear()
	fmt.Fprintf(l.stderr, format+"\n", values...)
	l.draw()
}

func (l *liveProgress) redraw() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.draw()
}

// clear takes the lines off the terminal, until the next draw. The caller holds the mutex, as for all that follows.
func (l *liveProgress) clear() {
	if l.shown {
		_ = l.lines.Flush(0) // what can't be shown isn't
	}
}

func (l *liveProgress) draw() {
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

// text is what is shown in so many lines.
func (l *liveProgress) text(now time.Time, height int) []string {
	shown := l.visible(height)
	idWidth := 0
	for _, i := range shown {
		idWidth = max(idWidth, len(strconv.FormatInt(l.rows[i].taskID, 10)))
	}
	var text []string
	for _, i := range shown {
		text = append(text, l.rows[i].text(now, idWidth))
	}
	if len(shown) < len(l.rows) {
		text = append(text, l.counts.String())
	}
	return text
}

// visible are the indexes of the rows that are shown: all, or the first unfinished ones and one line less.
func (l *liveProgress) visible(height int) []int {
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
func (r row) text(now time.Time, idWidth int) string {
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
	line := fmt.Sprintf("%*d  %-8s  %8s  %6s  %s", idWidth, r.taskID, r.state, counted(r.polls, "poll"), waited, remark)
	return strings.TrimRight(line, " ")
}

// cut makes text fit into one line of the terminal: what may be wider than its count of runes, or may move the
// cursor, becomes a question mark.
func cut(text string, width int) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return plain[:min(len(plain), max(width, 0))]
}

// ask brings what is shown up to date.
func (l *liveProgress) ask(ctx context.Context, status statusFunc) {
	var asked sync.WaitGroup
	turns := make(chan struct{}, maxAsked)
	for _, taskID := range l.unfinishedShown() {
		turns <- struct{}{}
		asked.Go(func() {
			defer func() { <-turns }()
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			answer, err := status(ctx, taskID)
			if err != nil {
				return // it may have ended just now, or no worker answers: the line stays as it is
			}
			l.mutex.Lock()
			defer l.mutex.Unlock()
			row := &l.rows[l.rowOf[taskID]]
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

func (l *liveProgress) unfinishedShown() []int64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, height, err := l.size()
	if err != nil {
		height = 24
	}
	var taskIDs []int64
	for _, i := range l.visible(height - 1) {
		if row := l.rows[i]; row.until.IsZero() && row.state != "starting" {
			taskIDs = append(taskIDs, row.taskID)
		}
	}
	return taskIDs
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
