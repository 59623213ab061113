package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// nexusLinksTab lists the callers of a workflow, and what a caller has called.
const nexusLinksTab = "nexus-links"

// TestNexusLinksInTheWebUI follows the links between a wait and its callers: the one that began it,
// one that attached to it, and one that came after it.
func TestNexusLinksInTheWebUI(t *testing.T) {
	t.Parallel()
	browser, service := harness.StartBrowser(t), harness.StartSimulator(t)
	server := harness.StartServer(t, devserver.Options{})
	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	harness.StartWorkerOn(t, server.Address(), workflows.TaskQueue, service.URL())
	n := nexusSetup{
		service: service, provider: temporalClient, callers: temporalClient,
		queue:    harness.StartCallers(t, temporalClient),
		endpoint: harness.NewEndpoint(t, temporalClient, client.DefaultNamespace, workflows.TaskQueue),
	}
	ui := webPages{
		browser: browser, url: server.WebURL() + "/namespaces/default/workflows", client: temporalClient, screenshots: t.TempDir(),
	}
	taskID := harness.NewTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	begins := n.awaits(t, asleep(taskID))
	n.waitForOperation(t, begins)
	attaches := n.awaits(t, asleep(taskID))
	n.waitForCallers(t, taskID, 1)
	harness.WakeUp(t, n.provider, n.waitOf(t, taskID), taskID)
	requireSolution(t, begins, `{"text":"abc"}`)
	requireSolution(t, attaches, `{"text":"abc"}`)
	after := n.awaits(t, asleep(taskID))
	requireSolution(t, after, `{"text":"abc"}`)

	wait, err := temporalClient.DescribeWorkflow(harness.Context(t), workflows.WorkflowID(taskID), "")
	require.NoError(t, err)
	run := temporalClient.GetWorkflow(harness.Context(t), workflows.WorkflowID(taskID), wait.WorkflowExecution.RunID)
	ui.shows(t, run, nexusLinksTab, "", begins.GetID(), attaches.GetID())
	for _, caller := range []client.WorkflowRun{begins, attaches, after} {
		ui.shows(t, caller, nexusLinksTab, "", run.GetID())
	}
}
