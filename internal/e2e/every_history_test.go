package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// checkEveryHistory looks at what all tests of the package left on the dev server, whatever they were about: no history
// holds the client key or the secret of callbacks, and every wait replays.
func checkEveryHistory(ctx context.Context) error {
	replayer, err := newReplayer()
	if err != nil {
		return err
	}
	temporal, err := client.DialContext(ctx, client.Options{HostPort: fixture.temporal.Address(), Logger: quietLogger{}})
	if err != nil {
		return err
	}
	defer temporal.Close()
	namespaces, err := temporal.WorkflowService().ListNamespaces(ctx, &workflowservice.ListNamespacesRequest{})
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

func newReplayer() (worker.WorkflowReplayer, error) {
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey})
	if err != nil {
		return nil, err
	}
	return worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Plugins: []worker.Plugin{plugin}})
}

// checkHistoriesIn returns what is wrong with the histories of a namespace.
func checkHistoriesIn(ctx context.Context, namespace string, replayer worker.WorkflowReplayer) (problems []error, err error) {
	temporal, err := client.DialContext(ctx, client.Options{
		HostPort: fixture.temporal.Address(), Namespace: namespace, Logger: quietLogger{},
	})
	if err != nil {
		return nil, err
	}
	defer temporal.Close()
	var page []byte
	for {
		listed, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: page})
		if err != nil {
			return nil, err
		}
		for _, execution := range listed.GetExecutions() {
			if err := checkHistory(ctx, temporal, execution, replayer); err != nil {
				problems = append(problems, fmt.Errorf("the history of %s: %w", execution.GetExecution().GetWorkflowId(), err))
			}
		}
		if page = listed.GetNextPageToken(); len(page) == 0 {
			return problems, nil
		}
	}
}

func checkHistory(ctx context.Context, temporal client.Client, execution *workflowpb.WorkflowExecutionInfo, replayer worker.WorkflowReplayer) error {
	history := new(historypb.History)
	id := execution.GetExecution()
	events := temporal.GetWorkflowHistory(ctx, id.GetWorkflowId(), id.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return err
		}
		history.Events = append(history.Events, event)
	}
	if err := holdsKey(history); err != nil {
		return err
	}
	const begun = 4 // events, the last of which is the end of the first workflow task
	if execution.GetType().GetName() != workflows.AwaitTaskResultWorkflow || len(history.GetEvents()) < begun {
		return nil
	}
	return replayer.ReplayWorkflowHistory(quietLogger{}, history)
}

// holdsKey returns an error where the client key is anywhere in the events, in whatever spelling, or the secret of callbacks.
func holdsKey(history *historypb.History) error {
	for _, event := range history.GetEvents() {
		whole, err := event.Marshal()
		if err != nil {
			return err
		}
		if bytes.Contains(whole, []byte(clientKey)) {
			return fmt.Errorf("the client key is in event %d, %s", event.GetEventId(), event.GetEventType())
		}
		if bytes.Contains(whole, []byte(callbackSecret)) {
			return fmt.Errorf("the callback secret is in event %d, %s", event.GetEventId(), event.GetEventType())
		}
		err = proxy.VisitPayloads(context.Background(), event, proxy.VisitPayloadsOptions{
			Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
				for _, payload := range payloads {
					if spellsKey(payload.GetData()) {
						return nil, fmt.Errorf("the client key is in a payload of event %d, %s", event.GetEventId(), event.GetEventType())
					}
				}
				return payloads, nil
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// spellsKey tells whether the key is in data as it is, or in a string of it where it is JSON, also in JSON within a string.
func spellsKey(data []byte) bool {
	if bytes.Contains(data, []byte(clientKey)) {
		return true
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if text, ok := token.(string); ok && (strings.Contains(text, clientKey) || strings.Contains(text, `\`) && spellsKey([]byte(text))) {
			return true
		}
	}
}
