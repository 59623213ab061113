package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// TestMaxRequestsPerSecond has two workers that share one limit, and tasks that are all due at the
// same time.
func TestMaxRequestsPerSecond(t *testing.T) {
	t.Parallel()
	const (
		tasks = 32
		limit = 2
		// The server lets a few requests pass at once after a pause, one for each of the 4
		// partitions of a task queue. A busy machine may send the first ones late, here by 5 s at
		// most.
		allowance = 4 + 5*limit
	)
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	for range 2 {
		harness.StartWorker(t, taskQueue, service.URL(), "--max-requests-per-second", fmt.Sprint(limit))
	}
	var runs []client.WorkflowRun
	for range tasks {
		taskID := harness.NewTaskID()
		service.Script(taskID, simulator.Ready(`{}`))
		runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, harness.Soon(taskID)))
	}
	for _, run := range runs {
		require.NoError(t, run.Get(harness.Context(t), nil))
	}

	requests := service.Requests()
	require.Len(t, requests, tasks)
	for i, request := range requests {
		elapsed := request.Arrived.Sub(requests[0].Arrived)
		require.LessOrEqual(t, float64(i+1), allowance+limit*elapsed.Seconds(), "requests within %s", elapsed)
	}
}
