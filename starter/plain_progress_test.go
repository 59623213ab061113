package main

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func noStatus(context.Context, int64) (workflows.AwaitTaskResultStatus, error) {
	panic("plain lines need no queries")
}

func TestPlainLinesTellEachChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		progress := newProgress(ids(4), &stdout, &stderr, command.Environment{"TERM=xterm"})
		progress.say("Temporal Web UI: %s", "http://localhost:8233")
		progress.open(noStatus)
		started := &wait{taskID: 5, begun: time.Now()}
		attached := &wait{taskID: 6, begun: time.Now(), attached: true}
		progress.begun(started)
		progress.begun(attached)
		time.Sleep(65 * time.Second)
		require.NoError(t, progress.result([]byte("{}\n")))
		progress.ended(started, outcome{ready: true, polls: 3})
		progress.ended(attached, outcome{problem: "ERROR_CAPTCHA_UNSOLVABLE", polls: 1})
		progress.ended(&wait{taskID: 7, begun: time.Now()}, outcome{problem: "the workflow\nwas deleted"})
		progress.close()
		progress.say("the end")
		require.Equal(t, `Temporal Web UI: http://localhost:8233
task 5: started
task 6: attached to its workflow, which was started before with settings of its own
task 5: ready after 3 polls, 1m5s
task 6: failed: ERROR_CAPTCHA_UNSOLVABLE after 1 poll
task 7: failed: the workflow was deleted, 0s
the end
`, stderr.String())
		require.Equal(t, "{}\n", stdout.String())
	})
}

func TestPlainLinesOfManyTasksAreCountsNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		progress := newPlainProgress(100_000, &stdout, &stderr)
		progress.open(noStatus)
		for range 5 {
			progress.begun(&wait{taskID: 1})
		}
		time.Sleep(countsEvery + time.Second)
		progress.ended(&wait{taskID: 1}, outcome{ready: true})
		progress.ended(&wait{taskID: 2}, outcome{})
		time.Sleep(10 * countsEvery)
		progress.ended(&wait{taskID: 3}, outcome{ready: true})
		progress.close()
		require.Equal(t, `5 of 100000 tasks begun, 0 ready, 0 failed
5 of 100000 tasks begun, 1 ready, 1 failed
5 of 100000 tasks begun, 2 ready, 1 failed
`, stderr.String())
	})
}
