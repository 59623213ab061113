//go:build linux || darwin

package devserver

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

const (
	// heldScript becomes the command when a line comes in, and ends without having run it when this process ends first.
	heldScript = `read -r start && exec "$@" </dev/null`

	// watcherScript kills the process group $1 when this process ends, however that is: its end of the pipe closes
	// with it. A line means that the group is gone, and its number maybe another's. A signal to stop must not stop it.
	//
	// Linux could kill a child with its parent (Pdeathsig), but means the thread that started it, which Go may end.
	watcherScript = `trap '' HUP INT QUIT TERM TSTP TTIN TTOU; read -r gone || kill -s KILL -- "-$1"`
)

// process is a command that runs in a process group of its own, so that no Ctrl-C reaches it, and whose group never
// outlives this process.
type process struct {
	command  *exec.Cmd
	watcher  *exec.Cmd
	lifeline io.WriteCloser // the watcher's standard input
	ended    chan struct{}  // closed once the whole group has ended
}

// startProcess runs the command. It is held until its watcher is there, so that no instant is left in which the end of
// this process would leave it behind.
func startProcess(c command) (*process, error) {
	held := exec.Command("/bin/sh", append([]string{"-c", heldScript, "sh", c.path}, c.args...)...)
	held.Dir, held.Env, held.Stdout, held.Stderr, held.ExtraFiles = c.folder, c.environment, c.output, c.output, c.inherits
	held.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	held.WaitDelay = outputPatience
	// Pipes that Go makes are closed on exec: no other child holds one open.
	release, err := held.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := held.Start(); err != nil {
		return nil, err
	}

	watcher := exec.Command("/bin/sh", "-c", watcherScript, "sh", strconv.Itoa(held.Process.Pid))
	watcher.Dir, watcher.Env = "/", []string{}
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	lifeline, err := watcher.StdinPipe()
	if err == nil {
		err = watcher.Start()
	}
	if err != nil {
		release.Close()
		return nil, errors.Join(err, held.Wait())
	}

	p := &process{command: held, watcher: watcher, lifeline: lifeline, ended: make(chan struct{})}
	// Where this fails, the command has ended already, and that is told when it is waited for.
	_, _ = io.WriteString(release, "start\n")
	release.Close()
	go p.wait()
	return p, nil
}

func (p *process) id() int { return p.command.Process.Pid }

// signal goes to the whole group: the CLI may be a script that runs the real one. Once that has ended it does nothing.
func (p *process) signal(signal syscall.Signal) {
	select {
	case <-p.ended:
	default:
		_ = syscall.Kill(-p.id(), signal)
	}
}

func (p *process) endsWithin(patience time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(patience):
		return false
	}
}

// outcome says how the command ended; it must have.
func (p *process) outcome() string {
	return p.command.ProcessState.String()
}

// succeeded tells whether the command ended with status 0; it must have ended.
func (p *process) succeeded() bool { return p.command.ProcessState.Success() }

func (p *process) wait() {
	// How it ended is in ProcessState.
	_ = p.command.Wait()
	// What the command left in its group. Where that is nothing, the number is nobody's: process ids are reused late.
	_ = syscall.Kill(-p.id(), syscall.SIGKILL)
	_, _ = fmt.Fprintln(p.lifeline, "gone")
	p.lifeline.Close()
	_ = p.watcher.Wait()
	close(p.ended)
}
