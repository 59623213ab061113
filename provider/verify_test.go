package provider_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// fakeNamespace has executions with recorded histories, and lists them in its order. Methods other
// than these two panic.
type fakeNamespace struct {
	client.Client
	executions []fakeExecution
	pageSize   int
	listErr    error
	reading    func() // is called for each history

	queries  []string
	mutex    sync.Mutex
	readNow  int
	readMost int
}

type fakeExecution struct {
	id      string
	runID   string // "": made of id
	history *historypb.History
	err     error
}

func (f *fakeNamespace) ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (
	*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.queries = append(f.queries, request.GetQuery())
	if err := errors.Join(ctx.Err(), f.listErr); err != nil {
		return nil, err
	}
	from, _ := strconv.Atoi(string(request.GetNextPageToken()))
	to := min(from+f.pageSize, len(f.executions))
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, each := range f.executions[from:to] {
		response.Executions = append(response.Executions, &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: each.id, RunId: each.run()},
			Type:      each.history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType(),
		})
	}
	if to < len(f.executions) {
		response.NextPageToken = []byte(strconv.Itoa(to))
	}
	return response, nil
}

func (f *fakeNamespace) GetWorkflowHistory(_ context.Context, workflowID, runID string, _ bool,
	_ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	f.mutex.Lock()
	f.readNow++
	f.readMost = max(f.readMost, f.readNow)
	f.mutex.Unlock()
	if f.reading != nil {
		f.reading()
	}
	for _, each := range f.executions {
		if each.id == workflowID && runID == each.run() {
			return &fakeEvents{namespace: f, rest: each.history.GetEvents(), err: each.err}
		}
	}
	return &fakeEvents{namespace: f, err: serviceerror.NewNotFound("no such run")}
}

func (e fakeExecution) run() string { return cmp.Or(e.runID, "run of "+e.id) }

type fakeEvents struct {
	namespace *fakeNamespace
	rest      []*historypb.HistoryEvent
	err       error
}

func (e *fakeEvents) HasNext() bool {
	if len(e.rest) == 0 && e.err == nil {
		e.namespace.mutex.Lock()
		defer e.namespace.mutex.Unlock()
		e.namespace.readNow--
		return false
	}
	return true
}

func (e *fakeEvents) Next() (*historypb.HistoryEvent, error) {
	if e.err != nil {
		return nil, e.err
	}
	event := proto.CloneOf(e.rest[0]) // a replay may change it
	e.rest = e.rest[1:]
	return event, nil
}

const recorded = "../workflows/testdata/histories/0.1.0/"

// historyFrom reads a recorded history, and keeps its first events; 0: all.
func historyFrom(t *testing.T, path string, events int) *historypb.History {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{LastEventID: int64(events)})
	require.NoError(t, err)
	return history
}

// namespaceOf has n executions of a finished wait.
func namespaceOf(t *testing.T, n int) *fakeNamespace {
	t.Helper()
	namespace := &fakeNamespace{pageSize: 7}
	history := historyFrom(t, recorded+"ready-at-third-poll.json", 0)
	for i := range n {
		namespace.executions = append(namespace.executions, fakeExecution{id: fmt.Sprint("wait-", i), history: history})
	}
	return namespace
}

// waitsOtherwise is a wait that makes other commands than those on record.
func waitsOtherwise(ctx workflow.Context, _ converter.RawValue) error {
	return workflow.Sleep(ctx, time.Second)
}

func TestVerifyGoesOnWithEveryRecordedHistory(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(recorded + "*.json")
	require.NoError(t, err)
	namespace := &fakeNamespace{pageSize: 10}
	for _, path := range paths {
		if !strings.Contains(path, "inline") {
			history := historyFrom(t, path, 0)
			id := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			namespace.executions = append(namespace.executions, fakeExecution{id: id, runID: path, history: history})
		}
	}
	report, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, provider.VerifyReport{Replayed: len(namespace.executions)}, report)
	require.Greater(t, report.Replayed, 40)
	require.Len(t, namespace.queries, (report.Replayed+9)/10)
}

func TestVerifyNamesEachExecutionThatWouldBreak(t *testing.T) {
	t.Parallel()
	namespace := namespaceOf(t, 20)
	broken := historyFrom(t, "../workflows/testdata/histories/broken.json", 0)
	namespace.executions[3].history, namespace.executions[17].history = broken, broken
	report, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, 20, report.Replayed)
	require.Len(t, report.Broken, 2)
	for i, id := range []string{"wait-3", "wait-17"} {
		require.Equal(t, id, report.Broken[i].WorkflowID)
		require.Equal(t, "run of "+id, report.Broken[i].RunID)
		require.Equal(t, "AwaitTaskResult", report.Broken[i].WorkflowType)
		require.Contains(t, report.Broken[i].Why, "TMPRL1100")
	}
}

func TestVerifyOfABrokenBuild(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		definition any
		history    string
		why        string
	}{
		"another timer":     {waitsOtherwise, "ready-at-third-poll", `^\[TMPRL1100\] `},
		"no timer":          {func(workflow.Context, converter.RawValue) error { return nil }, "ready-at-third-poll", `^\[TMPRL1100\] `},
		"a panic":           {func(workflow.Context, converter.RawValue) error { panic("one\ntwo") }, "ready-at-third-poll", `^one two$`},
		"a long panic":      {func(workflow.Context, converter.RawValue) error { panic(strings.Repeat("ä", 400)) }, "verdict", `^ä{248}…$`},
		"another activity":  {pollsOtherwise, "ready-at-first-poll", `^\[TMPRL1100\] nondeterministic workflow: history event is ActivityTaskScheduled, replay command is ScheduleActivityTask$`},
		"continues instead": {continuesOtherwise, "ready-at-first-poll", `^replay workflow doesn't return the same result as the last event$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := &fakeNamespace{pageSize: 1, executions: []fakeExecution{{id: "wait", history: historyFrom(t, recorded+test.history+".json", 0)}}}
			report, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{
				Workflows: map[string]any{workflows.AwaitTaskResultWorkflow: test.definition},
			})
			require.NoError(t, err)
			require.Len(t, report.Broken, 1, report)
			require.Regexp(t, test.why, report.Broken[0].Why)
			require.NotContains(t, report.Broken[0].Why, secretOfTheTest)
			require.LessOrEqual(t, len(report.Broken[0].Why), 500)
		})
	}
}

const secretOfTheTest = "s3cret"

func pollsOtherwise(ctx workflow.Context, _ converter.RawValue) error {
	return firstPoll(ctx, "another", secretOfTheTest)
}

func continuesOtherwise(ctx workflow.Context, _ converter.RawValue) error {
	if err := firstPoll(ctx, "getTaskResult", nil); err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, workflows.AwaitTaskResultWorkflow, secretOfTheTest)
}

// firstPoll makes the commands of a wait's first poll, with this activity.
func firstPoll(ctx workflow.Context, activity string, input any) error {
	if err := workflow.Sleep(ctx, 5*time.Second); err != nil {
		return err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second})
	return workflow.ExecuteActivity(ctx, activity, input).Get(ctx, nil)
}

func TestVerifyReplaysAtMostTheLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		executions, limit, replayed int
		more                        bool
	}{{5, 3, 3, true}, {5, 5, 5, false}, {5, 6, 5, false}, {20, 7, 7, true}, {20, 8, 8, true}, {0, 1, 0, false}} {
		report, err := provider.Verify(t.Context(), namespaceOf(t, test.executions), provider.VerifyOptions{Limit: test.limit})
		require.NoError(t, err)
		require.Equal(t, provider.VerifyReport{Replayed: test.replayed, More: test.more}, report, test)
	}
}

// TestVerifyLeavesOutWhatHasNotBegun has executions that no worker has touched, as while the
// workers are down. They don't use up the limit.
func TestVerifyLeavesOutWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	namespace := namespaceOf(t, 34)
	for i := range 30 {
		// Started, its first task scheduled, and that task started.
		namespace.executions[i].history = historyFrom(t, recorded+"ready-at-third-poll.json", 1+i%3)
	}
	namespace.executions[31].err = serviceerror.NewNotFound("deleted meanwhile")
	report, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{Limit: 3})
	require.NoError(t, err)
	require.Equal(t, provider.VerifyReport{Replayed: 3, LeftOut: 31}, report)
}

// TestVerifyOfOpenExecutions has a wait at each moment of its life. What a worker decides in one
// workflow task comes into the history at once.
func TestVerifyOfOpenExecutions(t *testing.T) {
	t.Parallel()
	whole := historyFrom(t, recorded+"ready-at-third-poll.json", 0)
	namespace := &fakeNamespace{pageSize: 100}
	for n := 4; n < len(whole.GetEvents()); n++ {
		switch whole.GetEvents()[n].GetEventType() {
		case enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		default:
			namespace.executions = append(namespace.executions, fakeExecution{
				id: fmt.Sprint("wait-", n), history: &historypb.History{Events: whole.GetEvents()[:n]},
			})
		}
	}
	require.Greater(t, len(namespace.executions), 20)
	report, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, provider.VerifyReport{Replayed: len(namespace.executions)}, report)
}

func TestVerifyAsksForOurWorkflowsThatAreOpenOrClosedLately(t *testing.T) {
	t.Parallel()
	namespace := namespaceOf(t, 0)
	before := time.Now().Add(-time.Hour)
	_, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{
		Since: time.Hour, Workflows: map[string]any{"it's mine": waitsOtherwise, workflows.SolveTaskWorkflow: waitsOtherwise},
	})
	require.NoError(t, err)
	require.Len(t, namespace.queries, 1)
	parts := regexp.MustCompile(`^(.*) AND \(ExecutionStatus = 'Running' OR CloseTime >= '(.*)'\)$`).FindStringSubmatch(namespace.queries[0])
	require.Len(t, parts, 3, namespace.queries[0])
	require.Equal(t, `WorkflowType IN ('AwaitTaskResult', 'CheckAccount', 'ReportTask', 'SolveTask', 'it''s mine')`, parts[1])
	since, err := time.Parse(time.RFC3339Nano, parts[2])
	require.NoError(t, err)
	require.WithinRange(t, since, before.Add(-time.Second), time.Now().Add(-time.Hour))

	_, err = provider.Verify(t.Context(), namespace, provider.VerifyOptions{Since: 1<<63 - 1})
	require.NoError(t, err)
	require.Contains(t, namespace.queries[1], "CloseTime >= '1970-01-01T00:00:00Z'")
}

func TestVerifyOfWorkflowsThatWaitInline(t *testing.T) {
	t.Parallel()
	waitInline := func(ctx workflow.Context, in workflows.AwaitTaskResultInput, _ string) (any, error) {
		if execution := workflow.GetInfo(ctx).WorkflowExecution; execution.ID != "order-17" || execution.RunID != "run of order-17" {
			panic(execution)
		}
		output, err := workflows.Await(ctx, in)
		return output, err
	}
	options := provider.VerifyOptions{Workflows: map[string]any{"waitInline": waitInline}}
	namespace := &fakeNamespace{pageSize: 1, executions: []fakeExecution{{id: "order-17", history: historyFrom(t, recorded+"inline.json", 0)}}}
	report, err := provider.Verify(t.Context(), namespace, options)
	require.NoError(t, err)
	require.Equal(t, provider.VerifyReport{Replayed: 1}, report)

	options.Workflows["waitInline"] = waitsOtherwise
	report, err = provider.Verify(t.Context(), namespace, options)
	require.NoError(t, err)
	require.Len(t, report.Broken, 1)
}

// TestVerifyWithPlugins has the worker's own plugins, this package's among them.
func TestVerifyWithPlugins(t *testing.T) {
	t.Parallel()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey})
	require.NoError(t, err)
	report, err := provider.Verify(t.Context(), namespaceOf(t, 20), provider.VerifyOptions{
		Replayer: worker.WorkflowReplayerOptions{Plugins: []worker.Plugin{plugin}},
	})
	require.NoError(t, err)
	require.Equal(t, provider.VerifyReport{Replayed: 20}, report)
}

func TestVerifyHoldsFewHistoriesAtATime(t *testing.T) {
	t.Parallel()
	namespace := namespaceOf(t, 60)
	namespace.pageSize = 100
	_, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{})
	require.NoError(t, err)
	require.LessOrEqual(t, namespace.readMost, 8)
}

func TestVerifyTellsOfAServerThatCantBeAsked(t *testing.T) {
	t.Parallel()
	refused := serviceerror.NewPermissionDenied("no", "")

	namespace := namespaceOf(t, 20)
	namespace.listErr = refused
	_, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{})
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "the namespace's executions can't be listed")

	namespace = namespaceOf(t, 20)
	namespace.executions[9].err = refused
	report, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{})
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "the history of wait-9, run run of wait-9, can't be read")
	require.NotZero(t, report.Replayed, "what was found before")
	require.Empty(t, report.Broken)

	for _, options := range []provider.VerifyOptions{{Limit: -1}, {Since: -1}} {
		_, err = provider.Verify(t.Context(), namespace, options)
		require.ErrorContains(t, err, "Limit and Since take positive values, or 0 for the default")
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	namespace := namespaceOf(t, 100)
	var read atomic.Int64
	namespace.reading = func() {
		if read.Add(1) == 20 {
			cancel()
		}
	}
	report, err := provider.Verify(ctx, namespace, provider.VerifyOptions{})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, report.Replayed, 40)
}

func TestVerifyByACodec(t *testing.T) {
	t.Parallel()
	codec := converter.NewZlibCodec(converter.ZlibCodecOptions{AlwaysEncode: true})
	encoding := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec)
	namespace := namespaceOf(t, 1)
	started := namespace.executions[0].history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	encoded, err := codec.Encode(slices.Clone(started.GetInput().GetPayloads()))
	require.NoError(t, err)
	started.Input = &commonpb.Payloads{Payloads: encoded}
	// The results of the polls are read in the clear too: this history has one that is not encoded.
	report, err := provider.Verify(t.Context(), namespace, provider.VerifyOptions{
		Replayer: worker.WorkflowReplayerOptions{DataConverter: encoding},
	})
	require.NoError(t, err)
	require.Equal(t, provider.VerifyReport{Replayed: 1}, report)

	report, err = provider.Verify(t.Context(), namespace, provider.VerifyOptions{})
	require.NoError(t, err)
	require.Len(t, report.Broken, 1, "without the codec the input can't be read")
}
