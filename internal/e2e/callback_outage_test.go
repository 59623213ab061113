package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestCallbackWhileTemporalIsDown tells the sender to come again, and takes the callback when it does.
func TestCallbackWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	options := devserver.Options{CLI: fixture.cli, Database: filepath.Join(t.TempDir(), "temporal.db"), Port: ownPort(t)}
	server, err := devserver.Start(testContext(t), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Kill()) })
	temporal, err := client.Dial(client.Options{HostPort: server.Address(), Logger: quietLogger{}})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	service, taskQueue := startSimulator(t), newTaskQueue()
	environment := []string{fmt.Sprintf("TEMPORAL_ADDRESS=127.0.0.1:%d", options.Port)}
	_, base := startCallbackWorkerIn(t, environment, taskQueue, service.URL())
	in := untilCalledBack(newTaskID())
	service.Script(in.TaskID, simulator.Ready(`{"text":"abc"}`))
	run := startWait(t, temporal, taskQueue, in)
	require.Equal(t, workflows.StateWaiting, statusOf(t, temporal, run).State)
	sender, address := newCallbackClient(t), newCallbackURL(t, base)

	require.NoError(t, server.Kill())
	answer, err := postCallback(testContext(t), sender, address, in.TaskID)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Equal(t, "5", answer.Header.Get("Retry-After"))
	restarted, err := devserver.Start(testContext(t), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, restarted.Stop()) })

	_, err = postUntilTaken(testContext(t), sender, address, in.TaskID)
	require.NoError(t, err)
	var output workflows.AwaitTaskResultOutput
	require.NoError(t, temporal.GetWorkflow(testContext(t), run.GetID(), run.GetRunID()).Get(testContext(t), &output))
	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Len(t, service.RequestsFor(in.TaskID), 1)
}
