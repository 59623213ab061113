package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A server that was killed hands out again what it had not noted as done, among it the task of an attempt that has failed. It
// takes that for the start of the next attempt, however long that is still to wait.
func TestRetryDelayHoldsThroughARestartOfTheServer(t *testing.T) {
	t.Parallel()
	const delay = 20 * time.Second
	taskQueue, service := newTaskQueue(), startSimulator(t)
	waits := []struct {
		name   string
		answer simulator.Answer // the first one
		in     workflows.AwaitTaskResultInput
		run    client.WorkflowRun
	}{
		{name: "the service's", answer: simulator.RetryAfter(429, "20")},
		{name: "the service's, where attempts are polls", answer: simulator.RetryAfter(429, "20"),
			in: workflows.AwaitTaskResultInput{Polling: workflows.PollingActivityRetry}},
		{name: "the schedule's", answer: simulator.Processing(),
			in: workflows.AwaitTaskResultInput{Polling: workflows.PollingActivityRetry, PollInterval: delay}},
	}
	options := devserver.Options{CLI: fixture.cli, Database: filepath.Join(t.TempDir(), "temporal.db"), Port: ownPort(t)}
	server, err := devserver.Start(testContext(t), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Kill()) })
	temporal, err := client.Dial(client.Options{HostPort: server.Address(), Logger: quietLogger{}})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	startWorkerIn(t, []string{"TEMPORAL_ADDRESS=" + server.Address(), "TWOCAPTCHA_API_KEY=" + clientKey}, taskQueue, service.URL())
	for i := range waits {
		wait := &waits[i]
		wait.in.TaskID, wait.in.InitialDelay = newTaskID(), time.Millisecond
		service.Script(wait.in.TaskID, wait.answer, simulator.Ready(`{"text":"abc"}`))
		wait.run = startWait(t, temporal, taskQueue, wait.in)
	}
	for _, wait := range waits {
		require.Eventually(t, func() bool { // until the attempt's failure is known to the server
			description, err := temporal.DescribeWorkflow(testContext(t), wait.run.GetID(), wait.run.GetRunID())
			pending := description.RawResponse.GetPendingActivities()
			return err == nil && len(pending) == 1 && pending[0].GetAttempt() == 2
		}, patience, 20*time.Millisecond, wait.name)
	}

	require.NoError(t, server.Kill())
	restarted, err := devserver.Start(testContext(t), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, restarted.Stop()) })

	for _, wait := range waits {
		var output workflows.AwaitTaskResultOutput
		run := temporal.GetWorkflow(testContext(t), wait.run.GetID(), wait.run.GetRunID())
		require.NoError(t, run.Get(testContext(t), &output), wait.name)
		require.JSONEq(t, `{"text":"abc"}`, string(output.Solution), wait.name)
		requests := service.RequestsFor(wait.in.TaskID)
		require.Len(t, requests, 2, wait.name)
		require.GreaterOrEqual(t, requests[1].Arrived.Sub(requests[0].Arrived), delay, wait.name)
	}
}

var lastPort atomic.Int64

// ownPort is a port that nobody else takes while the server on it is down: above those that dev servers choose from, below
// those that systems hand out.
func ownPort(t *testing.T) int {
	t.Helper()
	const first, count = 30000, 2700
	for range count {
		port := first + (os.Getpid()+int(lastPort.Add(1)))%count
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	require.FailNow(t, "no free port")
	return 0
}
