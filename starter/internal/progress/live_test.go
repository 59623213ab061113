package progress

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vbauerster/cupwriter"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// screen is a terminal, as far as the live lines need one: it knows the sequence that moves the
// cursor up and clears from there on.
type screen struct {
	mutex sync.Mutex
	lines []string // above the cursor, which is at the beginning of a line
}

func (s *screen) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	text := string(p)
	for text != "" {
		if rest, found := strings.CutPrefix(text, "\x1b["); found {
			var up int
			for ; rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
				up = 10*up + int(rest[0]-'0')
			}
			text = strings.TrimPrefix(rest, "A\x1b[J")
			s.lines = s.lines[:len(s.lines)-up]
			continue
		}
		line, rest, found := strings.Cut(text, "\n")
		if !found {
			panic("a line without an end: " + text)
		}
		s.lines, text = append(s.lines, line), rest
	}
	return len(p), nil
}

func (s *screen) shows(t *testing.T, text string) {
	t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	require.Equal(t, strings.Split(strings.Trim(text, "\n"), "\n"), s.lines)
}

func newTestProgress(jobs []batch.Job, height int) (*live, *screen) {
	screen := &screen{}
	size := func() (int, int, error) { return 80, height, nil }
	return newLive(jobs, screen, screen, cupwriter.New(screen, true), size, true), screen
}

func TestLiveLineOfEachTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shown, screen := newTestProgress([]batch.Job{task(74372499131), task(5), task(6), task(7)}, 24)
		began := time.Now()
		next := began.Add(12 * time.Second)
		status := func(_ context.Context, job batch.Job) (workflows.AwaitTaskResultStatus, error) {
			if job.Label() == "6" {
				return workflows.AwaitTaskResultStatus{}, errors.New("no worker answers")
			}
			started := began.Add(-time.Minute)
			return workflows.AwaitTaskResultStatus{
				State: "waiting", Polls: 2, StartedAt: &started, NextPollAt: &next, LastError: "HTTP status 521: ☹",
			}, nil
		}
		shown.Open(status)
		screen.shows(t, `
74372499131  starting   0 polls
          5  starting   0 polls
          6  starting   0 polls
          7  starting   0 polls
`)
		waits := []batch.Wait{{Job: task(74372499131), Begun: began}, {Job: task(5), Begun: began, Attached: true}, {Job: task(6), Begun: began}}
		for _, wait := range waits {
			shown.Begun(wait)
		}
		time.Sleep(2*time.Second + time.Millisecond)
		shown.Ended(waits[0], batch.Outcome{Ready: true, Polls: 3})
		require.NoError(t, shown.Result([]byte(`{"taskId":74372499131}`+"\n")))
		shown.Say("a message")
		time.Sleep(time.Second)
		screen.shows(t, `
{"taskId":74372499131}
a message
74372499131  ready      3 polls    1m2s
          5  waiting    2 polls    1m3s  next poll in 9s, HTTP status 521: ?
          6  started    0 polls      3s
          7  starting   0 polls
`)
		shown.Ended(waits[1], batch.Outcome{Problem: "ERROR_CAPTCHA_UNSOLVABLE", Polls: 3})
		shown.Close()
		shown.Say("the end")
		screen.shows(t, `
{"taskId":74372499131}
a message
74372499131  ready      3 polls    1m2s
          5  failed     3 polls    1m3s  ERROR_CAPTCHA_UNSOLVABLE
          6  started    0 polls      3s
          7  starting   0 polls
the end
`)
	})
}

// The states of a task that is submitted are longer than those of a wait.
func TestLiveLinesOfSubmissions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shown, screen := newTestProgress([]batch.Job{batch.SolveJob{ID: "order-17"}, batch.SolveJob{ID: "x"}, task(5)}, 24)
		began := time.Now()
		shown.Open(func(_ context.Context, job batch.Job) (workflows.AwaitTaskResultStatus, error) {
			state := workflows.StateSubmitting
			if job.Label() == "x" {
				state = workflows.StateOutcomeUnknown
			}
			return workflows.AwaitTaskResultStatus{State: state, StartedAt: &began}, nil
		})
		shown.Begun(batch.Wait{Job: batch.SolveJob{ID: "order-17"}, Begun: began})
		shown.Begun(batch.Wait{Job: batch.SolveJob{ID: "x"}, Begun: began})
		time.Sleep(2*time.Second + time.Millisecond)
		shown.Close()
		screen.shows(t, `
order-17  submitting       0 polls      2s
       x  outcomeUnknown   0 polls      2s
       5  starting         0 polls
`)
	})
}

func TestMoreTasksThanLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shown, screen := newTestProgress(tasks(100_000), 5)
		var mutex sync.Mutex
		asked := map[string]bool{}
		shown.Open(func(_ context.Context, job batch.Job) (workflows.AwaitTaskResultStatus, error) {
			mutex.Lock()
			defer mutex.Unlock()
			asked[job.Label()] = true
			return workflows.AwaitTaskResultStatus{State: "polling", Polls: 1}, nil
		})
		for _, job := range tasks(10) {
			shown.Begun(batch.Wait{Job: job, Begun: time.Now()})
		}
		shown.Ended(batch.Wait{Job: task(1)}, batch.Outcome{Ready: true})
		shown.Ended(batch.Wait{Job: task(3)}, batch.Outcome{Problem: "Canceled"})
		time.Sleep(2*time.Second + time.Millisecond)
		screen.shows(t, `
2  polling     1 poll      2s
4  polling     1 poll      2s
5  polling     1 poll      2s
10 of 100000 tasks begun, 1 ready, 1 failed
`)
		shown.Close()
		require.Equal(t, map[string]bool{"2": true, "4": true, "5": true}, asked, "only what is shown is asked for")
	})
}

func TestLinesFitTheTerminal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text  string
		width int
		want  string
	}{
		"short":           {"abc", 5, "abc"},
		"just fitting":    {"abc def", 7, "abc def"},
		"within a word":   {"abcd efghij klm", 13, "abcd..."},
		"after a word":    {"abcd efghij klm", 14, "abcd efghij..."},
		"after a comma":   {"abcd, efghij", 9, "abcd..."},
		"one long word":   {"abcdef", 5, "ab..."},
		"a long last one": {"a bcdefghijk", 10, "a bcdef..."},
		"no room for it":  {"abcdef", 3, "abc"},
		"control":         {"a\x1b[2Jb\tc", 80, "a?[2Jb?c"},
		"wide":            {"a漢字", 80, "a??"},
		"hardly any room": {"abc", -1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, cut(test.text, test.width))
		})
	}
}

// A worker that doesn't answer must not delay the end of the command.
func TestCloseDoesNotWaitForAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shown, _ := newTestProgress(tasks(30), 50)
		shown.Open(func(ctx context.Context, _ batch.Job) (workflows.AwaitTaskResultStatus, error) {
			<-ctx.Done()
			return workflows.AwaitTaskResultStatus{}, ctx.Err()
		})
		for _, job := range tasks(30) {
			shown.Begun(batch.Wait{Job: job})
		}
		time.Sleep(askEvery + time.Millisecond)
		before := time.Now()
		shown.Close()
		require.Zero(t, time.Since(before))
	})
}

func TestWithoutATerminalLinesArePlain(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	require.IsType(t, &plain{}, New(tasks(1), command.Invocation{Output: &stdout, Errors: &stderr}))
}
