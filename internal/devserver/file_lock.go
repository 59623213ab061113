//go:build linux || darwin

package devserver

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// lockFile takes the lock that belongs to the file at path, against every other process and
// goroutine. It makes the file if it is missing. The kernel releases the lock once every process
// that has the returned file open has closed it or ended. If lockFile has to wait it first calls
// waiting, and it gives up with ctx's error.
func lockFile(ctx context.Context, path string, waiting func()) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return file, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			file.Close()
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		if attempt == 1 {
			waiting()
		}
		if !pause(ctx) {
			file.Close()
			return nil, ctx.Err()
		}
	}
}

// checkSystem returns an error on systems on which Start can't work.
func checkSystem() error { return nil }
