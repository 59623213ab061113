//go:build !linux && !darwin

package harness

import (
	"errors"
	"runtime"
)

func takeTurn() (end func(), err error) {
	return nil, errors.New("there is no Temporal dev server on " + runtime.GOOS)
}
