//go:build linux || darwin

package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

const (
	// heldScript becomes the command when a line comes in on descriptor 3. If this process ends
	// first, it ends without running the command.
	heldScript = `read -r start <&3 && exec "$@" 3<&-`

	// watcherScript kills the process group $1 when this process ends, however it ends: the pipe that
	// the watcher reads closes then. A line means that the group is gone and that its number may be
	// used again. Signals must not stop the watcher.
	//
	// Linux can kill a child with its parent (Pdeathsig), but takes the thread that started the child
	// for the parent, and Go may end that thread.
	watcherScript = `trap '' HUP INT QUIT TERM TSTP TTIN TTOU; read -r gone || kill -s KILL -- "-$1"`
)

// Process is a program that runs in a process group of its own, so that no Ctrl-C reaches it. The
// group never outlives this process. Its methods are safe for concurrent use.
type Process struct {
	command  *exec.Cmd
	watcher  *exec.Cmd
	lifeline io.WriteCloser // the watcher's standard input
	ended    chan struct{}  // closed once the whole group has ended
}

// Start runs the command. The program is held until its watcher runs, so that it never outlives
// this process, at whatever instant this process ends.
func Start(c Command) (*Process, error) {
	start, release, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer release.Close()
	held := exec.Command("/bin/sh", append([]string{"-c", heldScript, "sh", c.Path}, c.Arguments...)...)
	held.Dir, held.Env, held.Stdin, held.Stdout, held.Stderr = c.Folder, c.Environment, c.Input, c.Output, c.Errors
	held.ExtraFiles = append([]*os.File{start}, c.Inherited...)
	held.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	held.WaitDelay = OutputPatience
	err = held.Start()
	start.Close()
	if err != nil {
		return nil, err
	}

	watcher := exec.Command("/bin/sh", "-c", watcherScript, "sh", strconv.Itoa(held.Process.Pid))
	watcher.Dir, watcher.Env = "/", []string{}
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Pipes that Go makes are closed on exec: no other child holds one open.
	lifeline, err := watcher.StdinPipe()
	if err == nil {
		err = watcher.Start()
	}
	if err != nil {
		release.Close()
		return nil, errors.Join(err, held.Wait())
	}

	p := &Process{command: held, watcher: watcher, lifeline: lifeline, ended: make(chan struct{})}
	// If this fails, the program has ended already, and those who wait for it see that.
	_, _ = io.WriteString(release, "start\n")
	go p.wait()
	return p, nil
}

// ID is the program's process id, even after the program has ended.
func (p *Process) ID() int { return p.command.Process.Pid }

// WatcherID is the process id of the shell that ends the program with this process.
func (p *Process) WatcherID() int { return p.watcher.Process.Pid }

// Signal sends the signal to the program's whole process group, since the program may be a script
// that runs another one. It does nothing once the group has ended.
func (p *Process) Signal(signal syscall.Signal) {
	select {
	case <-p.ended:
	default:
		_ = syscall.Kill(-p.ID(), signal)
	}
}

// Ended is closed when the program and its whole group have ended and all of their output has been
// written.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// EndsWithin waits for the end, at most that long, and reports whether it came.
func (p *Process) EndsWithin(patience time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(patience):
		return false
	}
}

// Status is the exit status of a program that has ended, or -1 if a signal ended it.
func (p *Process) Status() int { return p.command.ProcessState.ExitCode() }

// Outcome says, for people, how a program has ended.
func (p *Process) Outcome() string { return p.command.ProcessState.String() }

func (p *Process) wait() {
	// ProcessState says how it ended.
	_ = p.command.Wait()
	// This kills what the command left in its group. If nothing is left, the number names no other
	// group yet, since process ids are reused late.
	_ = syscall.Kill(-p.ID(), syscall.SIGKILL)
	_, _ = fmt.Fprintln(p.lifeline, "gone")
	p.lifeline.Close()
	_ = p.watcher.Wait()
	close(p.ended)
}
