package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestServerThatDoesNotTellWhenAnAttemptIsDue has workers behind a gateway that fails the question
// which precedes a repeated request. The request is sent all the same, and not too soon.
func TestServerThatDoesNotTellWhenAnAttemptIsDue(t *testing.T) {
	t.Parallel()
	const timeout = 40 * time.Second
	for _, row := range []struct {
		name   string
		refuse http.HandlerFunc
	}{
		{name: "502 Bad Gateway", refuse: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html><body>502 Bad Gateway</body></html>", http.StatusBadGateway)
		}},
		{name: "Unavailable", refuse: harness.RawStatus(14, "no healthy upstream")},
		{name: "ResourceExhausted", refuse: harness.RawStatus(8, "namespace rate limit exceeded")},
		{name: "Internal", refuse: harness.RawStatus(13, "internal error")},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
			address := harness.StartGateway(t, "DescribeWorkflowExecution", harness.Refusing(row.refuse))
			harness.StartWorkerOn(t, address, taskQueue, service.URL())
			var runs []client.WorkflowRun
			for _, polling := range bothPollings {
				in := harness.Soon(harness.NewTaskID())
				in.Polling, in.Timeout = polling, timeout
				service.Script(in.TaskID, simulator.Status(500, "oops"), simulator.Ready(`{"text":"abc"}`))
				runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, in))
			}

			for _, run := range runs {
				var output workflows.AwaitTaskResultOutput
				require.NoError(t, run.Get(harness.Context(t), &output))
				require.JSONEq(t, `{"text":"abc"}`, string(output.Solution))
				requests := service.RequestsFor(output.TaskID)
				require.Len(t, requests, 2)
				spacing := requests[1].Arrived.Sub(requests[0].Finished)
				require.GreaterOrEqual(t, spacing, harness.MinSpacing, "it is not known when the attempt is due")
				require.Less(t, spacing, timeout-5*time.Second, "the result doesn't wait for the deadline")
			}
		})
	}
}
