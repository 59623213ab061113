package main

import (
	"errors"
	"time"
)

// usage is what a process and its descendants have taken of the machine.
type usage struct {
	cpu      time.Duration // since its start
	resident int64         // bytes of memory
	peak     int64         // bytes of memory, the most at any time; of several processes, the sum of their peaks
}

// errUsageUnavailable is the error of readUsage on systems other than Linux.
var errUsageUnavailable = errors.New("what a process uses is read from /proc, which Linux alone has")
