//go:build linux || darwin

package harness

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// takeTurn waits until no other package of this user runs end-to-end tests: each of them keeps 2
// slow cores busy, and some tests measure times. go test runs packages side by side.
//
// The time that go test gives a package counts from the package's start, so that this waits for at
// most half of it. After that the tests run beside the others: they are slower then, but seldom
// wrong.
func takeTurn() (end func(), err error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("temporal-2captcha-e2e-%d.lock", os.Getuid()))
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	end = func() { file.Close() } // which releases the lock, as the end of this process does
	limit := testTimeout() / 2
	for started, waits := time.Now(), false; ; waits = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return end, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			end()
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		case limit > 0 && time.Since(started) > limit:
			fmt.Fprintf(os.Stderr,
				"the end-to-end tests of another package still run after %s: these run beside them\n", limit)
			return end, nil
		case !waits:
			fmt.Fprintln(os.Stderr, "waiting for the end-to-end tests of another package to end")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// testTimeout is what go test's -timeout says; 0: no limit.
func testTimeout() time.Duration {
	timeout, _ := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration)
	return timeout
}
