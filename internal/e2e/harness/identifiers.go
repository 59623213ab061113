package harness

import (
	"fmt"
	"sync/atomic"
)

var lastID atomic.Int64

// NewTaskID returns a task id that no other test uses: a task has one workflow id in the namespace.
func NewTaskID() int64 { return 74372000000 + lastID.Add(1) }

// NewTaskQueue returns a task queue of the test's own, which its worker alone serves.
func NewTaskQueue() string { return fmt.Sprintf("e2e-%d", lastID.Add(1)) }

// newTaskIDs returns the first of a million task ids that no other test uses.
func newTaskIDs() int64 { return 75000000000 + lastID.Add(1)*1_000_000 }
