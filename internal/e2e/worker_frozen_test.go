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

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestFrozenWorker stops a worker (SIGSTOP) while its waits sleep. The worker's connections stay
// open, so that the server gives it some of the requests that are due then. A second worker takes
// these up when their time is over. At that moment the first worker goes on (SIGCONT) and finds its
// requests, which it must not send.
func TestFrozenWorker(t *testing.T) {
	t.Parallel()
	for _, polling := range []workflows.Polling{workflows.PollingTimer, workflows.PollingActivityRetry} {
		t.Run(string(polling), func(t *testing.T) {
			t.Parallel()
			freezeWorker(t, polling)
		})
	}
}

func freezeWorker(t *testing.T, polling workflows.Polling) {
	t.Helper()
	const tasks = 24
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	// A limit has the server give each activity to a worker that asks for one. Without it, newer
	// servers give activities to the worker that ran the workflow task, which is never the frozen one.
	environment := []string{
		"TWOCAPTCHA_API_KEY=" + harness.ClientKey, "TWOCAPTCHA_MAX_REQUESTS_PER_SECOND=1000", harness.WithoutDeadlockDetection,
	}
	frozen := harness.StartWorkerWith(t, environment, taskQueue, service.URL())
	var runs []client.WorkflowRun
	var taskIDs []int64
	for range tasks {
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Processing(), simulator.Ready(fmt.Sprintf(`{"text":"%d"}`, taskID)))
		runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, workflows.AwaitTaskResultInput{
			// The delay is long enough for all of them to begin.
			TaskID: taskID, Polling: polling, InitialDelay: 15 * time.Second,
		}))
		taskIDs = append(taskIDs, taskID)
	}
	for _, taskID := range taskIDs {
		harness.WaitForEvents(t, temporalClient, taskID, enumspb.EVENT_TYPE_TIMER_STARTED)
	}

	frozen.Signal(t, syscall.SIGSTOP)
	harness.StartWorkerWith(t, environment, taskQueue, service.URL())
	held := requestHeldBy(t, temporalClient, frozen, taskIDs)
	requests := len(service.RequestsFor(held))
	require.NoError(t, service.WaitForRequests(harness.Context(t), held, requests+1), "the second worker takes it up")
	frozen.Signal(t, syscall.SIGCONT)

	outputs := make([]workflows.AwaitTaskResultOutput, tasks)
	for i, run := range runs {
		require.NoError(t, run.Get(harness.Context(t), &outputs[i]))
	}
	require.Empty(t, service.CloserThan(harness.MinSpacing))
	for i, output := range outputs {
		require.JSONEq(t, fmt.Sprintf(`{"text":"%d"}`, taskIDs[i]), string(output.Solution))
		if polling == workflows.PollingActivityRetry {
			require.GreaterOrEqual(t, output.Polls, 2, "an attempt that the frozen worker held is one of them")
		} else {
			require.Equal(t, 2, output.Polls)
		}
	}
}

// requestHeldBy waits until the server has given that worker a request, and returns the task of it.
func requestHeldBy(t *testing.T, temporalClient client.Client, worker *harness.Process, taskIDs []int64) (taskID int64) {
	t.Helper()
	ctx, identity := harness.Context(t), fmt.Sprintf("%d@", worker.ID())
	require.Eventually(t, func() bool {
		for _, taskID = range taskIDs {
			description, err := temporalClient.DescribeWorkflow(ctx, workflows.WorkflowID(taskID), "")
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
	}, harness.Patience, 500*time.Millisecond, "the frozen worker is given no request")
	return taskID
}
