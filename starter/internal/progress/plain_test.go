package progress

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// task is a job that waits for a task.
func task(id int64) batch.Job {
	return batch.AwaitJob{Input: workflows.AwaitTaskResultInput{TaskID: id}}
}

func tasks(count int64) []batch.Job {
	var result []batch.Job
	for id := range count {
		result = append(result, task(id+1))
	}
	return result
}

func noStatus(context.Context, batch.Job) (workflows.AwaitTaskResultStatus, error) {
	panic("plain lines need no queries")
}

func TestPlainLinesTellEachChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		shown := New(tasks(4), command.Invocation{Environment: command.Environment{"TERM=xterm"}, Output: &stdout, Errors: &stderr})
		shown.Say("Temporal Web UI: %s", "http://localhost:8233")
		shown.Open(noStatus)
		started := batch.Wait{Job: task(5), Begun: time.Now()}
		attached := batch.Wait{Job: task(6), Begun: time.Now(), Attached: true}
		shown.Begun(started)
		shown.Begun(attached)
		time.Sleep(65 * time.Second)
		require.NoError(t, shown.Result([]byte("{}\n")))
		shown.Ended(started, batch.Outcome{Ready: true, Polls: 3})
		shown.Ended(attached, batch.Outcome{Problem: "ERROR_CAPTCHA_UNSOLVABLE", Polls: 1})
		shown.Ended(batch.Wait{Job: task(7), Begun: time.Now()}, batch.Outcome{Problem: "the workflow\nwas deleted"})
		solve := batch.SolveJob{ID: "order-17"}
		shown.Begun(batch.Wait{Job: solve})
		shown.Begun(batch.Wait{Job: solve, Attached: true})
		shown.Close()
		shown.Say("the end")
		require.Equal(t, `Temporal Web UI: http://localhost:8233
task 5: started
task 6: attached to its workflow, which was started before with its own settings
task 5: ready after 3 polls, 1m5s
task 6: failed: ERROR_CAPTCHA_UNSOLVABLE after 1 poll
task 7: failed: the workflow was deleted, 0s
solve order-17: started
solve order-17: attached to its workflow, which was started before with its own task and settings
the end
`, stderr.String())
		require.Equal(t, "{}\n", stdout.String())
	})
}

func TestPlainLinesOfManyTasksAreCountsNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		shown := newPlain(100_000, &stdout, &stderr)
		shown.Open(noStatus)
		for range 5 {
			shown.Begun(batch.Wait{Job: task(1)})
		}
		time.Sleep(countsEvery + time.Second)
		shown.Ended(batch.Wait{Job: task(1)}, batch.Outcome{Ready: true})
		shown.Ended(batch.Wait{Job: task(2)}, batch.Outcome{})
		time.Sleep(10 * countsEvery)
		shown.Ended(batch.Wait{Job: task(3)}, batch.Outcome{Ready: true})
		shown.Close()
		require.Equal(t, `5 of 100000 tasks begun, 0 ready, 0 failed
5 of 100000 tasks begun, 1 ready, 1 failed
5 of 100000 tasks begun, 2 ready, 1 failed
`, stderr.String())
	})
}
