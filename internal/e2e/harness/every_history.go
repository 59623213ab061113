package harness

import (
	"context"
	"errors"
	"fmt"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// checkEveryHistory looks at everything that the tests of a package left on the server: no
// history holds the client key or the callback secret, every workflow of ours replays, and what
// callers and the provider sent each other is as the JSON Schemas say.
func checkEveryHistory(ctx context.Context) error {
	replayer, err := NewReplayer()
	if err != nil {
		return err
	}
	temporalClient, err := client.DialContext(ctx, client.Options{HostPort: Address(), Logger: QuietLogger{}})
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	namespaces, err := temporalClient.WorkflowService().ListNamespaces(ctx, &workflowservice.ListNamespacesRequest{})
	if err != nil {
		return err
	}
	var problems []error
	for _, namespace := range namespaces.GetNamespaces() {
		name := namespace.GetNamespaceInfo().GetName()
		if name == "temporal-system" {
			continue
		}
		found, err := checkHistoriesIn(ctx, name, replayer)
		if err != nil {
			return err
		}
		problems = append(problems, found...)
	}
	return errors.Join(problems...)
}

// NewReplayer replays the histories of waits with the plugin as it is.
func NewReplayer() (worker.WorkflowReplayer, error) {
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: ClientKey})
	if err != nil {
		return nil, err
	}
	return worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Plugins: []worker.Plugin{plugin}})
}

// checkHistoriesIn returns what is wrong with the histories of a namespace.
func checkHistoriesIn(ctx context.Context, namespace string, replayer worker.WorkflowReplayer) (problems []error, err error) {
	temporalClient, err := client.DialContext(ctx,
		client.Options{HostPort: Address(), Namespace: namespace, Logger: QuietLogger{}})
	if err != nil {
		return nil, err
	}
	defer temporalClient.Close()
	var page []byte
	for {
		listed, err := temporalClient.ListWorkflow(ctx,
			&workflowservice.ListWorkflowExecutionsRequest{NextPageToken: page})
		if err != nil {
			return nil, err
		}
		for _, execution := range listed.GetExecutions() {
			if err := checkHistory(ctx, temporalClient, execution, replayer); err != nil {
				problems = append(problems,
					fmt.Errorf("the history of %s: %w", execution.GetExecution().GetWorkflowId(), err))
			}
		}
		if page = listed.GetNextPageToken(); len(page) == 0 {
			return problems, nil
		}
	}
}

func checkHistory(
	ctx context.Context, temporalClient client.Client, execution *workflowpb.WorkflowExecutionInfo,
	replayer worker.WorkflowReplayer,
) error {
	id := execution.GetExecution()
	history, err := History(ctx, temporalClient, id.GetWorkflowId(), id.GetRunId(), false)
	if err != nil {
		return err
	}
	if err := HoldsKey(history); err != nil {
		return err
	}
	if err := checkSchemas(fixture.schemas, history); err != nil {
		return err
	}
	const begun = 4 // events, the last of which is the end of the first workflow task
	switch execution.GetType().GetName() {
	case workflows.AwaitTaskResultWorkflow, workflows.SolveTaskWorkflow, workflows.CheckAccountWorkflow, workflows.ReportTaskWorkflow:
	default:
		return nil
	}
	if len(history.GetEvents()) < begun {
		return nil
	}
	return replayer.ReplayWorkflowHistory(QuietLogger{}, history)
}
