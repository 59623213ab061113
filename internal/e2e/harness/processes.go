package harness

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// Command is a program to run.
type Command struct {
	Path      string
	Arguments []string
	// Environment is added to this process's, which is passed on without the variables of this
	// project and of Temporal.
	Environment []string
	Input       io.Reader // nil: empty
}

// Process is a running program. It is killed when the test ends.
type Process struct {
	name    string
	running *process.Process
	stdout  *output
	stderr  *output
}

// Finished is a program that has ended.
type Finished struct {
	Status int // -1 if a signal ended it
	Stdout string
	Stderr string
}

// StartProcess runs the program. When the test ends, no secret may be in the program's output.
func StartProcess(t *testing.T, c Command) *Process {
	t.Helper()
	p, err := BeginProcess(t, c)
	require.NoError(t, err)
	return p
}

// BeginProcess is StartProcess for goroutines other than the test's own, which must not end the
// test.
func BeginProcess(t *testing.T, c Command) (*Process, error) {
	t.Helper()
	p := &Process{name: filepath.Base(c.Path), stdout: newOutput(), stderr: newOutput()}
	var err error
	p.running, err = process.Start(process.Command{
		Path: c.Path, Arguments: c.Arguments,
		Environment: append(process.EnvironmentWithout(os.Environ(), "TEMPORAL_", "TWOCAPTCHA_"), c.Environment...),
		Input:       c.Input, Output: p.stdout, Errors: p.stderr,
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		p.running.Signal(syscall.SIGKILL)
		<-p.Ended()
		require.NotContains(t, p.Stdout()+p.Stderr(), ClientKey, "the client key in the output of the %s", p.name)
		require.NotContains(t, p.Stdout()+p.Stderr(), CallbackSecret,
			"the callback secret in the output of the %s", p.name)
		require.NotContains(t, p.Stderr(), "WARNING: DATA RACE", "the %s", p.name)
		require.NotContains(t, strings.ToLower(p.Stderr()), "panic", "the %s", p.name)
		if t.Failed() {
			t.Logf("the %s %q wrote\n%s%s", p.name, c.Arguments, p.stdout, p.stderr)
		}
	})
	return p, nil
}

// ID is the program's process id.
func (p *Process) ID() int { return p.running.ID() }

// Stdout is what the program has written so far on standard output.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr is what the program has written so far on standard error.
func (p *Process) Stderr() string { return p.stderr.String() }

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.running.Ended() }

// Status is the exit status of a program that has ended, or -1 if a signal ended it.
func (p *Process) Status() int { return p.running.Status() }

// Signal sends a signal, which may be SIGSTOP, SIGCONT or SIGKILL, to a program that must be
// running.
func (p *Process) Signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.False(t, p.hasEnded(), "the %s has ended before the signal %s", p.name, signal)
	p.SignalIfRunning(signal)
}

// SignalIfRunning sends a signal to the program, or does nothing if the program has ended.
func (p *Process) SignalIfRunning(signal syscall.Signal) { p.running.Signal(signal) }

// Wait returns how the program ended.
func (p *Process) Wait(t *testing.T) Finished {
	t.Helper()
	if !p.running.EndsWithin(Patience) {
		require.FailNow(t, "it does not end", "the %s wrote\n%s%s", p.name, p.stdout, p.stderr)
	}
	return Finished{p.Status(), p.Stdout(), p.Stderr()}
}

// WaitForOutput returns once the program has written the text on either output.
func (p *Process) WaitForOutput(t *testing.T, text string) {
	t.Helper()
	if p.writes(text, time.After(Patience)) {
		return
	}
	problem := "it does not write "
	if p.hasEnded() {
		problem = "it ended before it wrote "
	}
	require.FailNow(t, problem+text, "the %s wrote\n%s%s", p.name, p.stdout, p.stderr)
}

// Writes waits until the program has written the text on either output. It returns false if the
// program has ended without doing so.
func (p *Process) Writes(text string) bool { return p.writes(text, nil) }

func (p *Process) writes(text string, deadline <-chan time.Time) bool {
	for {
		ended := p.hasEnded()
		stdout, moreStdout := p.stdout.state()
		stderr, moreStderr := p.stderr.state()
		if strings.Contains(stdout, text) || strings.Contains(stderr, text) {
			return true
		}
		if ended {
			return false
		}
		select {
		case <-moreStdout:
		case <-moreStderr:
		case <-p.Ended():
		case <-deadline:
			return false
		}
	}
}

func (p *Process) hasEnded() bool {
	select {
	case <-p.Ended():
		return true
	default:
		return false
	}
}

// output collects what a program writes.
type output struct {
	mutex   sync.Mutex
	written bytes.Buffer
	more    chan struct{} // closed at the next write
}

func newOutput() *output { return &output{more: make(chan struct{})} }

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.written.Write(data)
}

// state is what has been written so far, and a channel that is closed at the next write.
func (o *output) state() (string, <-chan struct{}) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.written.String(), o.more
}

func (o *output) String() string {
	text, _ := o.state()
	return text
}
