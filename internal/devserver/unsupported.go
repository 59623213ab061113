//go:build !linux && !darwin

package devserver

import (
	"context"
	"errors"
	"os"
	"runtime"
)

var errUnsupported = errors.New("on " + runtime.GOOS + " a Temporal dev server can't be tied to this process's life: " +
	"run temporal server start-dev in another terminal, and connect to that")

func lockFile(context.Context, string, func()) (*os.File, error) { return nil, errUnsupported }

func checkSystem() error { return errUnsupported }
