package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestCallbackWhileTemporalIsDown tells the sender to come again, and takes the callback then.
func TestCallbackWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	options := harness.Restartable(t)
	server := harness.StartServer(t, options)
	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	environment := []string{fmt.Sprintf("TEMPORAL_ADDRESS=127.0.0.1:%d", options.Port)}
	_, base := harness.StartCallbackWorkerWith(t, environment, taskQueue, service.URL())
	in := harness.UntilCalledBack(harness.NewTaskID())
	service.Script(in.TaskID, simulator.Ready(`{"text":"abc"}`))
	run := harness.StartWait(t, temporalClient, taskQueue, in)
	require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, temporalClient, run).State)
	sender, address := harness.NewCallbackClient(t), harness.NewCallbackURL(t, base)

	require.NoError(t, server.Kill())
	answer, err := harness.PostCallback(harness.Context(t), sender, address, in.TaskID)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	require.Equal(t, "5", answer.Header.Get("Retry-After"))
	harness.StartServer(t, options)

	_, err = harness.PostUntilTaken(harness.Context(t), sender, address, in.TaskID)
	require.NoError(t, err)
	var output workflows.AwaitTaskResultOutput
	run = temporalClient.GetWorkflow(harness.Context(t), run.GetID(), run.GetRunID())
	require.NoError(t, run.Get(harness.Context(t), &output))
	require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
	require.Len(t, service.RequestsFor(in.TaskID), 1)
}
