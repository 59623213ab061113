//go:build !linux && !darwin

package devserver

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"
)

var errUnsupported = errors.New("on " + runtime.GOOS + " a Temporal dev server can't be tied to this process's life: " +
	"run temporal server start-dev in a terminal of its own, and connect to that")

func lockFile(context.Context, string, func()) (*os.File, error) { return nil, errUnsupported }

func startProcess(command) (*process, error) { return nil, errUnsupported }

// process has no values here: startProcess makes none.
type process struct{ ended chan struct{} }

func (*process) id() int                       { return 0 }
func (*process) signal(syscall.Signal)         {}
func (*process) endsWithin(time.Duration) bool { return true }
func (*process) outcome() string               { return errUnsupported.Error() }
func (*process) succeeded() bool               { return false }
