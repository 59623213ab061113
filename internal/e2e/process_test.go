package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// command is a program to run. Its environment is this one's, less every variable of this project and of Temporal, plus
// environment's.
type command struct {
	path        string
	arguments   []string
	environment []string
	input       io.Reader
}

// process is a running program. It is killed when the test ends.
type process struct {
	name    string
	command *exec.Cmd
	stdout  *output
	stderr  *output
	ended   chan struct{}
}

// finished is a program that has ended.
type finished struct {
	status int // -1 where a signal ended it
	stdout string
	stderr string
}

func startProcess(t *testing.T, what command) *process {
	t.Helper()
	p, err := newProcess(t, what)
	require.NoError(t, err)
	return p
}

// newProcess is startProcess for goroutines other than the test's own, which must not end the test.
func newProcess(t *testing.T, what command) (*process, error) {
	t.Helper()
	started := exec.Command(what.path, what.arguments...)
	started.Stdin = what.input
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TEMPORAL_") && !strings.HasPrefix(variable, "TWOCAPTCHA_") {
			started.Env = append(started.Env, variable)
		}
	}
	started.Env = append(started.Env, what.environment...)
	p := &process{
		name:    what.path[strings.LastIndexByte(what.path, '/')+1:],
		command: started, stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{}),
	}
	started.Stdout, started.Stderr = p.stdout, p.stderr
	if err := started.Start(); err != nil {
		return nil, err
	}
	go func() {
		started.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.command.Process.Signal(syscall.SIGCONT)
		p.command.Process.Kill()
		<-p.ended
		require.NotContains(t, p.stdout.String()+p.stderr.String(), clientKey, "the client key in the output of the %s", p.name)
		require.NotContains(t, p.stdout.String()+p.stderr.String(), callbackSecret, "the callback secret in the output of the %s", p.name)
		require.NotContains(t, p.stderr.String(), "WARNING: DATA RACE", "the %s", p.name)
		require.NotContains(t, strings.ToLower(p.stderr.String()), "panic", "the %s", p.name)
		if t.Failed() {
			t.Logf("the %s %q wrote\n%s%s", p.name, what.arguments, p.stdout, p.stderr)
		}
	})
	return p, nil
}

// signal sends a signal, which may be SIGSTOP, SIGCONT or SIGKILL.
func (p *process) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, p.command.Process.Signal(signal), "signal %s to the %s", signal, p.name)
}

// wait returns how it ended.
func (p *process) wait(t *testing.T) finished {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		require.FailNow(t, "it does not end", "the %s wrote\n%s%s", p.name, p.stdout, p.stderr)
	}
	return finished{p.command.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
}

// waitForOutput returns once the text stands in what it wrote on either output.
func (p *process) waitForOutput(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		out, outMore := p.stdout.state()
		err, errMore := p.stderr.state()
		if strings.Contains(out, text) || strings.Contains(err, text) {
			return
		}
		select {
		case <-outMore:
		case <-errMore:
		case <-p.ended:
			require.FailNow(t, "it ended before it wrote "+text, "the %s wrote\n%s%s", p.name, p.stdout, p.stderr)
		case <-deadline:
			require.FailNow(t, "it does not write "+text, "the %s wrote\n%s%s", p.name, p.stdout, p.stderr)
		}
	}
}

// output collects what a process writes.
type output struct {
	mutex   sync.Mutex
	written bytes.Buffer
	more    chan struct{} // closed at the next write
}

func newOutput() *output {
	return &output{more: make(chan struct{})}
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.written.Write(data)
}

func (o *output) state() (string, <-chan struct{}) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.written.String(), o.more
}

func (o *output) String() string {
	text, _ := o.state()
	return text
}
