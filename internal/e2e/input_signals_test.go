package e2e

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestForeignSignals sends what does not wake the task's wait: nothing comes of it, and a right
// signal is heard after it.
func TestForeignSignals(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	another := harness.Asleep(harness.NewTaskID())
	anotherRun := harness.StartWait(t, temporalClient, taskQueue, another)
	byCLI := func(flags ...string) func(*testing.T, client.WorkflowRun, string) {
		return func(t *testing.T, run client.WorkflowRun, taskID string) {
			arguments := []string{"workflow", "signal", "--workflow-id", run.GetID(), "--name",
				workflows.TaskCallbackSignal}
			replace := strings.NewReplacer("TASK", taskID, "ANOTHER", strconv.FormatInt(another.TaskID, 10))
			for _, flag := range flags {
				arguments = append(arguments, replace.Replace(flag))
			}
			done := harness.RunCLI(t, arguments...)
			require.Equal(t, 0, done.Status, done.Stderr)
		}
	}
	byClient := func(payload *commonpb.Payload) func(*testing.T, client.WorkflowRun, string) {
		return func(t *testing.T, run client.WorkflowRun, _ string) {
			require.NoError(t, temporalClient.SignalWorkflow(harness.Context(t), run.GetID(), "", workflows.TaskCallbackSignal,
				converter.NewRawValue(payload)))
		}
	}
	labelled := func(encoding, data string) *commonpb.Payload {
		return &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)},
			Data: []byte(data)}
	}

	for _, row := range []struct {
		name string
		send func(t *testing.T, run client.WorkflowRun, taskID string)
	}{
		{name: "a string", send: byCLI("--input", `"hello"`)},
		{name: "an array", send: byCLI("--input", `[{"taskId":TASK}]`)},
		{name: "a fraction as taskId", send: byCLI("--input", `{"taskId":TASK.5}`)},
		{name: "taskId beyond int64", send: byCLI("--input", `{"taskId":9223372036854775808}`)},
		{name: "another task's id", send: byCLI("--input", `{"taskId":ANOTHER}`)},
		{name: "a right payload behind a foreign one",
			send: byCLI("--input", `{"taskId":ANOTHER}`, "--input", `{"taskId":TASK}`)},
		{name: "another signal", send: byCLI("--name", "taskcallback", "--input", `{"taskId":TASK}`)},
		{name: "what the service posts",
			send: byCLI("--input", `id=TASK&code=ANSWER`, "--input-meta", "encoding=binary/plain")},
		{name: "bytes that claim to be JSON", send: byClient(labelled(converter.MetadataEncodingJSON, "\x00\xff{"))},
		{name: "an encrypted payload", send: byClient(labelled("binary/encrypted", "\x8f\x01\x02"))},
		{name: "1 MiB", send: byClient(labelled(converter.MetadataEncodingJSON, `"`+strings.Repeat("x", 1<<20)+`"`))},
		{name: "a thousand of them", send: func(t *testing.T, run client.WorkflowRun, taskID string) {
			harness.SignalManyTimes(t, temporalClient, run, func(i int) any {
				return []any{true, "x", []int{i}, map[string]any{"taskId": taskID + "0"},
					workflows.TaskCallback{TaskID: another.TaskID}}[i%5]
			})
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := harness.Asleep(harness.NewTaskID())
			service.Script(in.TaskID, simulator.Ready(`{}`))
			run := harness.StartWait(t, temporalClient, taskQueue, in)
			before := harness.StatusOf(t, temporalClient, run)

			row.send(t, run, strconv.FormatInt(in.TaskID, 10))

			require.Equal(t, before, harness.StatusOf(t, temporalClient, run), "nothing comes of it")
			require.Empty(t, service.RequestsFor(in.TaskID))
			ctx := harness.Context(t) // only now: a flood takes its turn and its time
			require.NoError(t, temporalClient.SignalWorkflow(ctx, run.GetID(), "", workflows.TaskCallbackSignal,
				workflows.TaskCallback{TaskID: in.TaskID}))
			var output workflows.AwaitTaskResultOutput
			require.NoError(t, run.Get(ctx, &output), "the right signal is heard")
			require.Equal(t, 1, output.Polls)
			require.Len(t, service.RequestsFor(in.TaskID), 1)
			harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
		})
	}
	require.Equal(t, workflows.StateWaiting, harness.StatusOf(t, temporalClient, anotherRun).State)
	require.Empty(t, service.RequestsFor(another.TaskID), "signals to others with this task's id wake nobody up")
}

// TestSignalsByHand are those that operators send: an id may be a string, stand alone, or be
// missing, as in a batch of signals.
func TestSignalsByHand(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	for name, flags := range map[string][]string{
		"no payload":         nil,
		"null":               {"--input", `null`},
		"the id itself":      {"--input", `TASK`},
		"the id as a string": {"--input", `"TASK"`},
		"an empty object":    {"--input", `{}`},
		"a null taskId":      {"--input", `{"taskId":null}`},
		"taskId as a string": {"--input", `{"taskId":"TASK"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := harness.Asleep(harness.NewTaskID())
			service.Script(in.TaskID, simulator.Ready(`{}`))
			run := harness.StartWait(t, temporalClient, taskQueue, in)
			arguments := []string{"workflow", "signal", "--workflow-id", run.GetID(), "--name", workflows.TaskCallbackSignal}
			for _, flag := range flags {
				arguments = append(arguments, strings.ReplaceAll(flag, "TASK", strconv.FormatInt(in.TaskID, 10)))
			}

			done := harness.RunCLI(t, arguments...)

			require.Equal(t, 0, done.Status, done.Stderr)
			var output workflows.AwaitTaskResultOutput
			require.NoError(t, run.Get(harness.Context(t), &output))
			require.Equal(t, 1, output.Polls)
		})
	}
}

// TestAThousandWakeUps asks for no more requests than the service allows.
func TestAThousandWakeUps(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	in := harness.Asleep(harness.NewTaskID())
	service.Script(in.TaskID, simulator.Processing())
	run := harness.StartWait(t, temporalClient, taskQueue, in)

	wakeUp := workflows.TaskCallback{TaskID: in.TaskID}
	for polls := 1; polls <= 2; polls++ {
		harness.SignalManyTimes(t, temporalClient, run, func(int) any { return wakeUp })
		require.NoError(t, service.WaitForAnswers(harness.Context(t), in.TaskID, polls))
	}
	service.Script(in.TaskID, simulator.Ready(`{}`))
	// There may be no wake-up left for another poll, or one that has ended the wait.
	err := temporalClient.SignalWorkflow(harness.Context(t), run.GetID(), "", workflows.TaskCallbackSignal, wakeUp)
	if !errors.As(err, new(*serviceerror.NotFound)) {
		require.NoError(t, err)
	}

	var output workflows.AwaitTaskResultOutput
	require.NoError(t, run.Get(harness.Context(t), &output))
	require.Len(t, service.RequestsFor(in.TaskID), output.Polls)
	harness.RequireSpaced(t, service, in.TaskID)
	harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
}

// TestSignalsThatNobodyHears are refused by the server.
func TestSignalsThatNobodyHears(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	ended, never := harness.NewTaskID(), harness.NewTaskID()
	service.Script(ended, simulator.Ready(`{}`))
	run := harness.StartWait(t, temporalClient, taskQueue, harness.Soon(ended))
	require.NoError(t, run.Get(harness.Context(t), nil))

	for taskID, says := range map[int64]string{
		ended: "workflow execution already completed",
		never: "workflow not found",
	} {
		done := harness.RunCLI(t, "workflow", "signal", "--workflow-id", workflows.WorkflowID(taskID),
			"--name", workflows.TaskCallbackSignal, "--input", fmt.Sprintf(`{"taskId":%d}`, taskID))
		require.Equal(t, 1, done.Status, done.Stderr)
		require.Contains(t, done.Stderr, says)
	}
	require.Len(t, service.RequestsFor(ended), 1)
	history := harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
	require.Equal(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, history[len(history)-1].GetEventType())
	harness.RequireNotStarted(t, temporalClient, workflows.WorkflowID(never))
}
