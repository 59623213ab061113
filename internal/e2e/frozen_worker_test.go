package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestFrozenWorker stops a worker (SIGSTOP) while its waits sleep. Its polls for tasks stay open, so that the server gives it
// some of the requests that are due then. A second worker takes these up when their time is over; and in that very moment the
// first one goes on (SIGCONT) and finds its requests, which it must not send.
func TestFrozenWorker(t *testing.T) {
	t.Parallel()
	for _, polling := range []string{workflows.PollingTimer, workflows.PollingActivityRetry} {
		t.Run(polling, func(t *testing.T) {
			t.Parallel()
			freezeWorker(t, polling)
		})
	}
}

// withoutDeadlockDetection has the SDK not take a worker that was stopped in the middle of a workflow's code for one whose workflow
// hangs. It changes nothing else.
const withoutDeadlockDetection = "TEMPORAL_DEBUG=1"

func freezeWorker(t *testing.T, polling string) {
	t.Helper()
	const tasks = 24
	service, taskQueue, temporal := startSimulator(t), newTaskQueue(), dial(t)
	frozen := startWorkerIn(t, []string{"TWOCAPTCHA_API_KEY=" + clientKey, withoutDeadlockDetection}, taskQueue, service.URL())
	var runs []client.WorkflowRun
	var taskIDs []int64
	for range tasks {
		taskID := newTaskID()
		service.Script(taskID, simulator.Processing(), simulator.Ready(fmt.Sprintf(`{"text":"%d"}`, taskID)))
		runs = append(runs, startWait(t, temporal, taskQueue, workflows.AwaitTaskResultInput{
			TaskID: taskID, Polling: polling, InitialDelay: 15 * time.Second, // until all of them have begun
		}))
		taskIDs = append(taskIDs, taskID)
	}
	for _, taskID := range taskIDs {
		waitForEvents(t, temporal, taskID, enumspb.EVENT_TYPE_TIMER_STARTED)
	}

	frozen.signal(t, syscall.SIGSTOP)
	startWorker(t, taskQueue, service.URL())
	held := requestHeldBy(t, temporal, frozen, taskIDs)
	requests := len(service.RequestsFor(held))
	require.NoError(t, service.WaitForRequests(testContext(t), held, requests+1), "the second worker takes it up")
	frozen.signal(t, syscall.SIGCONT)

	outputs := make([]workflows.AwaitTaskResultOutput, tasks)
	for i, run := range runs {
		require.NoError(t, run.Get(testContext(t), &outputs[i]))
	}
	require.Empty(t, service.CloserThan(minSpacing))
	for i, output := range outputs {
		require.JSONEq(t, fmt.Sprintf(`{"text":"%d"}`, taskIDs[i]), string(output.Solution))
		if polling == workflows.PollingActivityRetry {
			require.GreaterOrEqual(t, output.Polls, 2, "an attempt that the frozen worker held is one of them")
		} else {
			require.Equal(t, 2, output.Polls)
		}
	}
}

// requestHeldBy returns a task whose request the server has given to that worker, once there is one.
func requestHeldBy(t *testing.T, temporal client.Client, worker *process, taskIDs []int64) (taskID int64) {
	t.Helper()
	ctx, identity := testContext(t), fmt.Sprintf("%d@", worker.command.Process.Pid)
	require.Eventually(t, func() bool {
		for _, taskID = range taskIDs {
			description, err := temporal.DescribeWorkflow(ctx, workflows.WorkflowID(taskID), "")
			if err != nil {
				continue
			}
			for _, activity := range description.RawResponse.GetPendingActivities() {
				if activity.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED &&
					strings.HasPrefix(activity.GetLastWorkerIdentity(), identity) {
					return true
				}
			}
		}
		return false
	}, patience, 500*time.Millisecond, "the frozen worker is given no request")
	return taskID
}
