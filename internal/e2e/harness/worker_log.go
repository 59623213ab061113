package harness

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequireFailedAttempt requires that an attempt of a poll failed with a retryable error of this
// type. The worker's log tells of it: a history keeps no failures of single attempts.
func RequireFailedAttempt(t *testing.T, worker *Process, taskID int64, errorType, says string) {
	t.Helper()
	attempt := fmt.Sprintf("task %d: getTaskResult: ", taskID)
	for line := range strings.Lines(worker.Stderr()) {
		text := strings.ReplaceAll(line, `\"`, `"`)
		if strings.Contains(text, attempt) && strings.Contains(text, says) &&
			strings.Contains(text, "(type: "+errorType+", retryable: true)") {
			return
		}
	}
	require.FailNow(t, "no such attempt", "task %d: no attempt failed with the type %s and %s", taskID, errorType, says)
}
