package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// badInput is a workflow's input as a person gives it to the Temporal CLI. TASK stands for the
// row's task id.
type badInput struct {
	name string
	// The input, as JSON or, if that is "", as flags, which may be missing too.
	input string
	flags []string

	// One of two: the workflow ends with InvalidInput and this message,
	says string
	// or the CLI itself refuses it and starts nothing.
	cliSays string

	// unknownTask: the task id is what can't be read, so that the error's details have none.
	unknownTask bool
}

var badInputs = []badInput{
	{name: "none", unknownTask: true, says: `there is no input: it takes a JSON object like {"taskId": 74372499131}`},
	{name: "null", input: `null`, unknownTask: true, says: `the input is null: it takes a JSON object`},
	{name: "an array", input: `[]`, unknownTask: true, says: `the input is not a JSON object: it takes a JSON object`},
	{name: "an array of inputs", input: `[{"taskId":TASK}]`, unknownTask: true, says: `the input is not a JSON object`},
	{name: "a string", input: `"TASK"`, unknownTask: true, says: `the input is not a JSON object`},
	{name: "the id itself", input: `TASK`, unknownTask: true, says: `the input is not a JSON object`},

	{name: "an empty object", input: `{}`, unknownTask: true,
		says: `taskId is missing: it takes the integer above 0 that createTask answered`},
	{name: "no taskId", input: `{"timeout":"5m"}`, unknownTask: true, says: `taskId is missing`},
	{name: "a null taskId", input: `{"taskId":null}`, unknownTask: true, says: `taskId is missing`},
	{name: "taskId 0", input: `{"taskId":0}`, unknownTask: true, says: `taskId is missing`},
	{name: "a negative taskId", input: `{"taskId":-TASK}`, unknownTask: true, says: `taskId is -`},
	{name: "taskId as a string", input: `{"taskId":"TASK"}`, unknownTask: true, says: `taskId is "`},
	{name: "a UUID as taskId", input: `{"taskId":"61138bb6-19fb-11ec-a9c8-0242ac110006"}`, unknownTask: true,
		says: `this provider works with services whose task ids are integers`},
	{name: "taskId 1e10", input: `{"taskId":1e10}`, unknownTask: true,
		says: `taskId is 1e10: it takes the integer above 0`},
	{name: "a fraction as taskId", input: `{"taskId":TASK.0}`, unknownTask: true,
		says: `.0: it takes the integer above 0`},
	{name: "taskId beyond int64", input: `{"taskId":9223372036854775808}`, unknownTask: true,
		says: `taskId is 9223372036854775808: it takes the integer`},
	{name: "an object as taskId", input: `{"taskId":{"taskId":TASK}}`, unknownTask: true, says: `taskId is {`},
	{name: "taskId in other letters", input: `{"taskID":TASK}`, unknownTask: true,
		says: `"taskID" is not a property of the input: it takes taskId,`},

	{name: "an unknown property", input: `{"taskId":TASK,"pollintervall":"5s"}`,
		says: `"pollintervall" is not a property of the input: it takes taskId, initialDelay, pollInterval, maxPollInterval, timeout, callback and polling`},
	{name: "the client key as a property", input: `{"taskId":TASK,"clientKey":"not-for-workflows"}`,
		says: `"clientKey" is not a property of the input`},
	{name: "taskId twice", input: `{"taskId":TASK,"taskId":TASK}`, says: `"taskId" is given twice`},
	{name: "a property name of 100 KiB", input: `{"taskId":TASK,"` + strings.Repeat("x", 100<<10) + `":1}`,
		says: `xxx" is not a property of the input`},
	{name: "10,000 levels",
		input: `{"taskId":TASK,"x":` + strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999) + `}`,
		says:  `"x" is not a property of the input`},

	{name: "a duration without a unit", input: `{"taskId":TASK,"timeout":"900"}`,
		says: `timeout is "900": it takes a duration with a unit, like "15m0s"`},
	{name: "timeout 900", input: `{"taskId":TASK,"timeout":900}`,
		says: `timeout is 900, a number without a unit: it takes a duration with a unit, like "15m0s"`},
	{name: "a fraction as a duration", input: `{"taskId":TASK,"timeout":0.5}`,
		says: `timeout is 0.5, a number without a unit: it takes a duration with a unit`},
	{name: "an empty duration", input: `{"taskId":TASK,"timeout":""}`,
		says: `timeout is "": it takes a duration with a unit`},
	{name: "an object as a duration", input: `{"taskId":TASK,"timeout":{"minutes":5}}`,
		says: `timeout is {"minutes":5}: it takes a duration with a unit`},
	{name: "a duration of ISO 8601", input: `{"taskId":TASK,"timeout":"PT15M"}`,
		says: `timeout is "PT15M": it takes a duration with a unit`},
	{name: "a duration beyond int64", input: `{"taskId":TASK,"timeout":"9999999999h"}`,
		says: `timeout is "9999999999h": it takes a duration with a unit`},
	{name: "a negative timeout", input: `{"taskId":TASK,"timeout":"-15m"}`,
		says: `timeout is -15m0s: it takes a duration from "1ms" to "24h"`},
	{name: "a negative initialDelay", input: `{"taskId":TASK,"initialDelay":"-1ns"}`,
		says: `initialDelay is -1ns: it takes a duration from "1ms" to "24h"`},
	{name: "a timeout of a year", input: `{"taskId":TASK,"timeout":"8760h"}`,
		says: `timeout is 8760h0m0s: it takes a duration from "1ms" to "24h"`},
	{name: "pollInterval under 5 s", input: `{"taskId":TASK,"pollInterval":"4999ms"}`,
		says: `pollInterval is 4.999s: it takes a duration from "5s" to "24h", since the service bans`},
	{name: "a negative pollInterval", input: `{"taskId":TASK,"pollInterval":"-5s"}`,
		says: `pollInterval is -5s: it takes a duration from "5s"`},
	{name: "maxPollInterval under pollInterval",
		input: `{"taskId":TASK,"pollInterval":"20s","maxPollInterval":"10s"}`,
		says:  `maxPollInterval is 10s: it takes a duration from pollInterval, 20s, to "24h"`},
	{name: "maxPollInterval under 5 s", input: `{"taskId":TASK,"maxPollInterval":"1s"}`,
		says: `maxPollInterval is 1s: it takes a duration from pollInterval, 5s`},

	{name: "callback as text", input: `{"taskId":TASK,"callback":"true"}`,
		says: `callback is "true": it takes true or false`},
	{name: "callback as a number", input: `{"taskId":TASK,"callback":1}`,
		says: `callback is 1: it takes true or false`},
	{name: "an address as callback", input: `{"taskId":TASK,"callback":{"url":"https://example.com/"}}`,
		says: `callback is {"url":"https://example.com/"}: it takes true or false`},
	{name: "an unknown polling", input: `{"taskId":TASK,"polling":"heartbeat"}`,
		says: `polling is "heartbeat": it takes "timer" or "activityRetry"`},
	{name: "polling in other letters", input: `{"taskId":TASK,"polling":"ActivityRetry"}`,
		says: `polling is "ActivityRetry": it takes "timer" or "activityRetry"`},
	{name: "polling true", input: `{"taskId":TASK,"polling":true}`,
		says: `polling is true: it takes "timer" or "activityRetry"`},
	{name: "maxPollInterval under that of a callback",
		input: `{"taskId":TASK,"callback":true,"maxPollInterval":"30s"}`,
		says:  `maxPollInterval is 30s: it takes a duration from pollInterval, 1m0s, to "24h"`},

	{name: "a state that the workflow did not hand on", input: `{"taskId":TASK,"continued":{"polls":-1}}`,
		says: `continued is set only when the workflow continues as new: leave it out`},
	{name: "a state of another shape", input: `{"taskId":TASK,"continued":"x"}`,
		says: `continued is set only when the workflow continues as new: leave it out`},

	{name: "broken JSON", input: `{"taskId":TASK`, cliSays: `input #1 is not valid JSON`},
	{name: "an empty text", flags: []string{"--input", ""}, cliSays: `input #1 is not valid JSON`},
	{name: "single quotes", input: `{'taskId':TASK}`, cliSays: `input #1 is not valid JSON`},
	{name: "a missing file", flags: []string{"--input-file", "FOLDER/missing.json"},
		cliSays: `failed reading input file`},
	{name: "a file of broken JSON", flags: []string{"--input-file", "FOLDER/broken.json"},
		cliSays: `input #1 is not valid JSON`},
	{name: "an input and a file",
		flags:   []string{"--input", `{"taskId":TASK}`, "--input-file", "FOLDER/bad.json"},
		cliSays: `cannot provide input and input file`},
	{name: "metadata without a value", input: `{"taskId":TASK}`, flags: []string{"--input-meta", "encoding"},
		cliSays: `metadata encoding expected to have '='`},
	{name: "no base64", input: `{"taskId":TASK}`,
		flags:   []string{"--input-base64", "--input-meta", "encoding=binary/plain"},
		cliSays: `input #1 is not valid base64`},
	{name: "JSON in base64", input: `eyJ0YXNrSWQiOjF9`, flags: []string{"--input-base64"},
		cliSays: `input #1 is not valid JSON`},

	{name: "a file of bad JSON input", flags: []string{"--input-file", "FOLDER/bad.json"}, says: `timeout is 900, a number without a unit`},
	{name: "the first of two inputs", input: `{"taskId":TASK,"timeout":900}`,
		flags: []string{"--input", `{"taskId":TASK}`}, says: `timeout is 900, a number without a unit`},
	{name: "two inputs", input: `{"taskId":TASK}`, flags: []string{"--input", `{"taskId":1}`},
		says: `there is more than one input: it takes one, a JSON object like {"taskId": 74372499131}`},
	{name: "encoded as bytes", input: `{"taskId":TASK}`, flags: []string{"--input-meta", "encoding=binary/plain"},
		unknownTask: true, says: `the input is encoded as "binary/plain": it takes json/plain`},
	{name: "encoded as null", input: `{"taskId":TASK}`, flags: []string{"--input-meta", "encoding=binary/null"},
		unknownTask: true, says: `there is no input`},
	{name: "encoded as protobuf's JSON", input: `{"taskId":TASK}`,
		flags: []string{"--input-meta", "encoding=json/protobuf"}, unknownTask: true,
		says: `the input is encoded as "json/protobuf": it takes json/plain`},
	{name: "encoded as nobody knows", input: `{"taskId":TASK}`,
		flags: []string{"--input-meta", "encoding=application/json; charset=utf-8"}, unknownTask: true,
		says: `the input is encoded as "application/json; charset=utf-8": it takes json/plain`},
	{name: "encoded with an empty name", input: `{"taskId":TASK}`, flags: []string{"--input-meta", "encoding="},
		unknownTask: true, says: `there is no input`},
	{name: "encrypted", input: `bm90IEpTT04=`,
		flags: []string{"--input-base64", "--input-meta", "encoding=binary/encrypted"}, unknownTask: true,
		says: `the input is encoded as "binary/encrypted"`},
}

func TestBadInputByTheCLI(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	for _, row := range badInputs {
		t.Run(row.name, func(t *testing.T) {
			taskID := harness.NewTaskID()
			service.Script(taskID, simulator.Ready(`{}`))
			workflowID := workflows.WorkflowID(taskID)
			arguments := []string{"workflow", "execute", "--output", "json", "--task-queue", taskQueue,
				"--type", workflows.AwaitTaskResultWorkflow, "--workflow-id", workflowID}
			arguments = append(arguments, row.flagsFor(t, taskID)...)

			done := harness.RunCLI(t, arguments...)

			require.Equal(t, 1, done.Status, "%s%s", done.Stdout, done.Stderr)
			require.Empty(t, service.RequestsFor(taskID), "refused before any request")
			if row.cliSays != "" {
				require.Contains(t, done.Stderr, row.cliSays)
				require.Empty(t, done.Stdout)
				harness.RequireNotStarted(t, temporalClient, workflowID)
				return
			}
			require.Contains(t, done.Stderr, "workflow failed")
			require.Contains(t, done.Stdout, `"type": "InvalidInput"`)
			requireInvalidInput(t, temporalClient, workflowID, row.says, row.unknownTask, taskID)
		})
	}
	require.Empty(t, service.Requests(), "none of them is worth a request")
}

func (row badInput) flagsFor(t *testing.T, taskID int64) []string {
	t.Helper()
	var flags []string
	if row.input != "" {
		flags = append(flags, "--input", row.input)
	}
	flags = append(flags, row.flags...)
	folder := t.TempDir()
	replace := strings.NewReplacer("TASK", strconv.FormatInt(taskID, 10), "FOLDER", folder)
	for name, content := range map[string]string{"bad.json": `{"taskId":TASK,"timeout":900}`, "broken.json": `{"taskId":TASK`} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(replace.Replace(content)), 0o600))
	}
	for i := range flags {
		flags[i] = replace.Replace(flags[i])
	}
	return flags
}

func requireInvalidInput(t *testing.T, temporalClient client.Client, workflowID, says string, unknownTask bool, taskID int64) {
	t.Helper()
	history := harness.UndisturbedHistory(t, temporalClient, workflowID, "")
	for _, event := range history {
		require.NotContains(t, []enumspb.EventType{enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED},
			event.GetEventType(), "refused before anything is begun")
	}
	failure := harness.FailureOf(t, history)
	require.Equal(t, activities.ErrorTypeInvalidInput, failure.GetApplicationFailureInfo().GetType(), "%s", failure)
	require.True(t, failure.GetApplicationFailureInfo().GetNonRetryable(), "it would be refused again")
	require.Contains(t, failure.GetMessage(), says)
	require.LessOrEqual(t, len(failure.GetMessage()), 500)
	details := map[string]any{}
	if !unknownTask {
		details["taskId"] = float64(taskID)
	}
	require.Equal(t, details, harness.ErrorDetails(t, failure))
}

// TestBadInputByAClient sends what no CLI lets through: invalid JSON that claims to be JSON.
func TestBadInputByAClient(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	for _, row := range []struct {
		name        string
		input       string
		says        string
		unknownTask bool
	}{
		{name: "broken JSON", input: `{"taskId":TASK`, says: `the input is broken JSON: it takes a JSON object`},
		{name: "an empty input", input: ``, unknownTask: true, says: `the input is not JSON: it takes a JSON object`},
		{name: "no JSON at all", input: "\x00\xff", unknownTask: true, says: `the input is not JSON`},
		{name: "more than one object", input: `{"taskId":TASK} {}`, says: `the input goes on after its JSON object`},
		{name: "invalid UTF-8 in a name", input: "{\"taskId\":TASK,\"\xff\":1}", says: `is not a property of the input`},
		{name: "invalid UTF-8 in a value", input: "{\"taskId\":TASK,\"timeout\":\"\xff\"}",
			says: "timeout is \"\uFFFD\""},
		{name: "100,000 levels", input: `{"taskId":TASK,"x":` + strings.Repeat("[", 100_000),
			says: `the input is broken JSON`},
	} {
		t.Run(row.name, func(t *testing.T) {
			taskID := harness.NewTaskID()
			service.Script(taskID, simulator.Ready(`{}`))
			input := strings.ReplaceAll(row.input, "TASK", strconv.FormatInt(taskID, 10))
			run := startRaw(t, temporalClient, taskQueue, taskID, []byte(input))

			require.Equal(t, activities.ErrorTypeInvalidInput, workflows.ErrorCode(run.Get(harness.Context(t), nil)))
			requireInvalidInput(t, temporalClient, run.GetID(), row.says, row.unknownTask, taskID)
		})
	}
	require.Empty(t, service.Requests(), "none of them is worth a request")
}

// startRaw starts a wait with bytes that claim to be JSON.
func startRaw(t *testing.T, temporalClient client.Client, taskQueue string, taskID int64, input []byte) client.WorkflowRun {
	t.Helper()
	options := workflows.StartOptions(taskID)
	options.TaskQueue = taskQueue
	run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, workflows.AwaitTaskResultWorkflow,
		converter.NewRawValue(&commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: input,
		}))
	require.NoError(t, err)
	return run
}

// TestOddInputThatIsRight sends what looks wrong and is right.
func TestOddInputThatIsRight(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	harness.StartWorker(t, taskQueue, service.URL())
	for _, row := range []struct {
		name  string
		input string
	}{
		{name: "nanoseconds", input: `{"taskId":TASK,"initialDelay":"1000000ns","timeout":"900000000000ns"}`},
		{name: "nulls", input: `{"taskId":TASK,"initialDelay":"1ms","pollInterval":null,"maxPollInterval":null,"timeout":null,"continued":null}`},
		{name: "zeros", input: `{"taskId":TASK,"initialDelay":"1ms","pollInterval":"0s","maxPollInterval":"0s","timeout":"0s"}`},
		{name: "white space", input: " {\r\n\t\"taskId\" : TASK , \"initialDelay\" : \"1ms\" } \n"},
		{name: "escapes", input: `{"\u0074askId":TASK,"initialDelay":"1\u006ds"}`},
		{name: "no callback", input: `{"taskId":TASK,"initialDelay":"1ms","callback":false,"polling":"activityRetry"}`},
		{name: "a callback and its polling",
			input: `{"taskId":TASK,"initialDelay":"1ms","callback":true,"polling":"timer"}`},
		{name: "callback and polling null",
			input: `{"taskId":TASK,"initialDelay":"1ms","callback":null,"polling":null}`},
		{name: "all bounds", input: `{"taskId":TASK,"initialDelay":"1ms","pollInterval":"24h","maxPollInterval":"24h","timeout":"24h"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			taskID := harness.NewTaskID()
			service.Script(taskID, simulator.Ready(`{}`))
			input := strings.ReplaceAll(row.input, "TASK", strconv.FormatInt(taskID, 10))
			workflowID := workflows.WorkflowID(taskID)

			done := harness.RunCLI(t, "workflow", "execute", "--output", "json", "--task-queue", taskQueue,
				"--type", workflows.AwaitTaskResultWorkflow, "--workflow-id", workflowID, "--input", input)

			require.Equal(t, 0, done.Status, "%s%s", done.Stdout, done.Stderr)
			var printed struct{ Status string }
			require.NoError(t, json.Unmarshal([]byte(done.Stdout), &printed), done.Stdout)
			require.Equal(t, "COMPLETED", printed.Status)
			harness.UndisturbedHistory(t, temporalClient, workflowID, "")
			require.Len(t, service.RequestsFor(taskID), 1)
		})
	}
}
