package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/schemacheck"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func recordedHistory(t *testing.T, path string) *historypb.History {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "workflows", "testdata", "histories", twocaptcha.Version, path+".json"))
	require.NoError(t, err)
	defer file.Close()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return history
}

func TestRecordedHistoriesAreAsTheSchemasSay(t *testing.T) {
	t.Parallel()
	schemas, err := schemacheck.Load()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "workflows", "testdata", "histories", twocaptcha.Version, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		path := strings.TrimSuffix(filepath.Base(file), ".json")
		require.NoError(t, checkSchemas(schemas, recordedHistory(t, path)), path)
	}
}

// callersHistory is that of a workflow that calls an operation.
func callersHistory(input, result string) *historypb.History {
	payload := func(text string) *commonpb.Payload {
		return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(text)}
	}
	return &historypb.History{Events: []*historypb.HistoryEvent{
		{EventId: 5, Attributes: &historypb.HistoryEvent_NexusOperationScheduledEventAttributes{
			NexusOperationScheduledEventAttributes: &historypb.NexusOperationScheduledEventAttributes{
				Service: "2captcha", Operation: "awaitTaskResult", Input: payload(input),
			}}},
		{EventId: 6, Attributes: &historypb.HistoryEvent_NexusOperationCompletedEventAttributes{
			NexusOperationCompletedEventAttributes: &historypb.NexusOperationCompletedEventAttributes{
				ScheduledEventId: 5, Result: payload(result),
			}}},
	}}
}

func TestOperationsAreHeldAgainstTheirWorkflowsSchemas(t *testing.T) {
	t.Parallel()
	schemas, err := schemacheck.Load()
	require.NoError(t, err)
	const right = `{"taskId":5,"status":"ready","solution":"abc","polls":1}`
	require.NoError(t, checkSchemas(schemas, callersHistory(`{"taskId":5}`, right)))
	require.ErrorContains(t, checkSchemas(schemas, callersHistory(`{"taskId":"5"}`, right)), "AwaitTaskResult took")
	require.ErrorContains(t, checkSchemas(schemas, callersHistory(`{"taskId":5}`, `{"taskId":5}`)), "AwaitTaskResult.output")
}

// Each alteration is one that the check must find.
func TestWhatIsNotAsTheSchemasSayIsFound(t *testing.T) {
	t.Parallel()
	schemas, err := schemacheck.Load()
	require.NoError(t, err)
	for name, test := range map[string]struct {
		path    string
		event   enumspb.EventType
		in      func(*historypb.HistoryEvent) *commonpb.Payloads
		becomes string
		problem string
	}{
		"an input": {"ready-at-first-poll", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, func(e *historypb.HistoryEvent) *commonpb.Payloads {
			return e.GetWorkflowExecutionStartedEventAttributes().GetInput()
		}, `{"taskId":5,"timeOut":"5m"}`, "AwaitTaskResult took what its schema refuses"},
		"a refusal": {"invalid-input", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, func(e *historypb.HistoryEvent) *commonpb.Payloads {
			return e.GetWorkflowExecutionStartedEventAttributes().GetInput()
		}, `{"taskId":5}`, "AwaitTaskResult refused"},
		"an activity's input": {"ready-at-first-poll", enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, func(e *historypb.HistoryEvent) *commonpb.Payloads {
			return e.GetActivityTaskScheduledEventAttributes().GetInput()
		}, `{"taskId":"5"}`, "getTaskResult took what its schema refuses"},
		"an activity's output": {"ready-at-first-poll", enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, func(e *historypb.HistoryEvent) *commonpb.Payloads {
			return e.GetActivityTaskCompletedEventAttributes().GetResult()
		}, `{"taskId":5,"status":"done"}`, "getTaskResult.output"},
		"an output": {"ready-at-first-poll", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, func(e *historypb.HistoryEvent) *commonpb.Payloads {
			return e.GetWorkflowExecutionCompletedEventAttributes().GetResult()
		}, `{"taskId":5,"status":"ready","solution":null,"polls":1}`, "AwaitTaskResult.output"},
		"details": {"verdict", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, func(e *historypb.HistoryEvent) *commonpb.Payloads {
			return e.GetWorkflowExecutionFailedEventAttributes().GetFailure().GetApplicationFailureInfo().GetDetails()
		}, `{"taskId":"5"}`, "errorDetails"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			history, found := recordedHistory(t, test.path), false
			for _, event := range history.GetEvents() {
				if failed := event.GetWorkflowExecutionFailedEventAttributes(); failed != nil {
					failed.Failure.Message = "the input is not right"
				}
				if event.GetEventType() == test.event {
					test.in(event).GetPayloads()[0].Data, found = []byte(test.becomes), true
				}
			}
			require.True(t, found)
			require.ErrorContains(t, checkSchemas(schemas, history), test.problem)
		})
	}
}
