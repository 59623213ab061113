//go:build !linux && !darwin

package process

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

var errUnsupported = errors.New("on " + runtime.GOOS + " a program can't be tied to this process's life")

// Start always fails on this system.
func Start(Command) (*Process, error) { return nil, errUnsupported }

// Process is never made on this system, since Start fails.
type Process struct{ ended chan struct{} }

func (*Process) ID() int                       { return 0 }
func (*Process) WatcherID() int                { return 0 }
func (*Process) Signal(syscall.Signal)         {}
func (p *Process) Ended() <-chan struct{}      { return p.ended }
func (*Process) EndsWithin(time.Duration) bool { return true }
func (*Process) Status() int                   { return -1 }
func (*Process) Outcome() string               { return errUnsupported.Error() }
