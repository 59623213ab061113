package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/gobconverter"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	takesSolveInput = `it takes a JSON object like {"task": {"type": "TextCaptchaTask", "comment": "2+2?"}}`
	aTask           = `"task":{"type":"T","password":"a-secret-of-the-task"}`
)

// refusedSolveInputs are inputs of SolveTask as JSON, with what they are refused with.
var refusedSolveInputs = map[string]struct {
	input, message string
}{
	"no JSON":                  {`type=TextCaptchaTask`, "the input is not JSON: " + takesSolveInput},
	"null":                     {`null`, "the input is null: " + takesSolveInput},
	"a list":                   {`[{` + aTask + `}]`, "the input is not a JSON object: " + takesSolveInput},
	"a text":                   {`"{}"`, "the input is not a JSON object: " + takesSolveInput},
	"cut off":                  {`{"task":{"type":"T"`, "the input is broken JSON: " + takesSolveInput},
	"trailing data":            {`{` + aTask + `}{}`, "the input goes on after its JSON object: " + takesSolveInput},
	"no properties":            {`{}`, "the task is missing: it takes a JSON object"},
	"task null":                {`{"task":null}`, "the task is missing: it takes a JSON object"},
	"task a text":              {`{"task":"{\"type\":\"T\",\"a\":\"a-secret-of-the-task\"}"}`, "the task is not a JSON object: it takes one like"},
	"task a list":              {`{"task":[{"type":"T"}]}`, "the task is not a JSON object: it takes one like"},
	"task a number":            {`{"task":5}`, "the task is not a JSON object: it takes one like"},
	"task without a type":      {`{"task":{"password":"a-secret-of-the-task"}}`, `the task has no type: it takes a string`},
	"type empty":               {`{"task":{"type":""}}`, `the task has no type: it takes a string`},
	"type a number":            {`{"task":{"type":5}}`, `the task has no type: it takes a string`},
	"type in capitals":         {`{"task":{"Type":"T"}}`, `the task has no type: it takes a string`},
	"task in invalid UTF-8":    {"{\"task\":{\"type\":\"T\xff\"}}", "the task is not valid JSON: it takes a JSON object"},
	"task twice":               {`{` + aTask + `,` + aTask + `}`, `"task" is given twice: it takes one value`},
	"task without its wrap":    {`{"type":"T","password":"a-secret-of-the-task"}`, `"type" is not a property of the input: it takes task, languagePool, softId, attempts, resubmitUnknown, disableCallback, initialDelay, pollInterval, maxPollInterval, timeout, polling and id`},
	"client key":               {`{` + aTask + `,"clientKey":"x"}`, `"clientKey" is not a property of the input`},
	"callback URL":             {`{` + aTask + `,"callbackUrl":"https://example.com/"}`, `"callbackUrl" is not a property of the input`},
	"callback":                 {`{` + aTask + `,"callback":true}`, `"callback" is not a property of the input`},
	"taskId":                   {`{` + aTask + `,"taskId":5}`, `"taskId" is not a property of the input`},
	"pool unknown":             {`{` + aTask + `,"languagePool":"de"}`, `languagePool is "de": it takes "en" or "rn"`},
	"pool a number":            {`{` + aTask + `,"languagePool":1}`, `languagePool is 1: it takes "en" or "rn"`},
	"softId negative":          {`{` + aTask + `,"softId":-1}`, `softId is -1: it takes the id of a registered software, an integer above 0`},
	"softId a text":            {`{` + aTask + `,"softId":"1"}`, `softId is "1": it takes`},
	"softId a fraction":        {`{` + aTask + `,"softId":1.5}`, `softId is 1.5: it takes`},
	"softId beyond int64":      {`{` + aTask + `,"softId":9223372036854775808}`, `softId is 9223372036854775808: it takes`},
	"attempts 0":               {`{` + aTask + `,"attempts":0}`, `attempts is 0: it takes an integer from 1 to 10`},
	"attempts 11":              {`{` + aTask + `,"attempts":11}`, `attempts is 11: it takes an integer from 1 to 10`},
	"attempts negative":        {`{` + aTask + `,"attempts":-1}`, `attempts is -1: it takes an integer from 1 to 10`},
	"attempts a text":          {`{` + aTask + `,"attempts":"3"}`, `attempts is "3": it takes an integer from 1 to 10`},
	"attempts a fraction":      {`{` + aTask + `,"attempts":1.0}`, `attempts is 1.0: it takes an integer from 1 to 10`},
	"attempts true":            {`{` + aTask + `,"attempts":true}`, `attempts is true: it takes an integer from 1 to 10`},
	"resubmitUnknown a text":   {`{` + aTask + `,"resubmitUnknown":"true"}`, `resubmitUnknown is "true": it takes true or false`},
	"disableCallback a number": {`{` + aTask + `,"disableCallback":1}`, `disableCallback is 1: it takes true or false`},
	"duration unitless":        {`{` + aTask + `,"timeout":900}`, `timeout is 900, a number without a unit: it takes a duration with a unit, like "15m0s"`},
	"timeout over a day":       {`{` + aTask + `,"timeout":"25h"}`, `timeout is 25h0m0s: it takes a duration from "1ms" to "24h"`},
	"timeout negative":         {`{` + aTask + `,"timeout":"-1s"}`, `timeout is -1s: it takes a duration from "1ms" to "24h"`},
	"initialDelay 1 µs":        {`{` + aTask + `,"initialDelay":"1us"}`, `initialDelay is 1µs`},
	"pollInterval under 5s":    {`{` + aTask + `,"pollInterval":"4s"}`, `pollInterval is 4s: it takes a duration from "5s" to "24h"`},
	"maximum under minimum":    {`{` + aTask + `,"pollInterval":"20s","maxPollInterval":"19s"}`, `maxPollInterval is 19s: it takes a duration from pollInterval, 20s, to "24h"`},
	"polling unknown":          {`{` + aTask + `,"polling":"push"}`, `polling is "push": it takes "timer" or "activityRetry"`},
	"id a number":              {`{` + aTask + `,"id":5}`, `id is 5: it takes a text of at most 900 bytes`},
	"id too long":              {`{` + aTask + `,"id":"` + strings.Repeat("x", 901) + `"}`, `it takes a text of at most 900 bytes`},
	"id of another workflow":   {`{` + aTask + `,"id":"mine"}`, `id is "mine", and the workflow's id "default-test-workflow-id" is not made of it: leave it out`},
	"continued":                {`{` + aTask + `,"continued":{}}`, onlyForRuns},
	"task too large":           {`{"task":{"type":"T","body":"` + strings.Repeat("x", 1_900_000) + `"}}`, "task has 1900022 bytes: it takes at most 1900000, since Temporal takes no more than 2 MiB; use smaller images: the service takes 100 kB"},
}

func TestRefusedSolveInputs(t *testing.T) {
	t.Parallel()
	for name, test := range refusedSolveInputs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whileTimeStandsStill(t, func(t *testing.T) { // a megabyte takes a busy machine long
				e := newEnvironment(t)

				_, err := e.solveInput(jsonPayload(test.input))

				failure := applicationError(t, err)
				requireInvalidInput(t, failure)
				require.Contains(t, failure.Message(), test.message)
				require.NotContains(t, failure.Message(), taskSecret)
				require.Zero(t, errorDetails(t, failure).Attempts)
				require.Empty(t, e.submissions)
				require.Empty(t, e.service.Requests())
				require.Equal(t, workflows.StateFailed, e.solveStatus().State)
				require.Equal(t, failure.Message(), e.solveStatus().LastError)

				// In Go, too, the input tells what is wrong with it, when it is asked.
				if in := new(workflows.SolveTaskInput); json.Valid([]byte(test.input)) && name != "id of another workflow" {
					require.NoError(t, json.Unmarshal([]byte(test.input), in))
					require.EqualError(t, in.Validate(), failure.Error())
					_, err := in.RawValue()
					require.EqualError(t, err, failure.Error())
				}
			})
		})
	}
}

func TestSolveInputIsRefusedInGo(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]workflows.SolveTaskInput{
		"no task":           {},
		"broken task":       {Task: json.RawMessage(`{"type":"T","a":"a-secret-of-the-task`)},
		"attempts":          {Task: toSolve.Task, Attempts: -1},
		"too many attempts": {Task: toSolve.Task, Attempts: 11},
		"softId":            {Task: toSolve.Task, SoftID: -1},
		"pool":              {Task: toSolve.Task, LanguagePool: "de"},
		"nanoseconds":       {Task: toSolve.Task, Timeout: 900},
		"id":                {Task: toSolve.Task, ID: "\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireInvalidInput(t, in.Validate())
			require.NotContains(t, in.Validate().Error(), taskSecret)
			_, err := in.RawValue()
			require.EqualError(t, err, in.Validate().Error())
		})
	}
	_, err := json.Marshal(workflows.SolveTaskInput{Task: json.RawMessage(`{"a-secret-of-the-task`)})
	require.ErrorContains(t, err, "the task is not valid JSON")
	require.NotContains(t, err.Error(), taskSecret)
}

func TestSolveInputThatIsNoJSONPayload(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		inputs  []any
		message string
	}{
		"none":     {nil, "there is no input: " + takesSolveInput},
		"bytes":    {[]any{[]byte(textTask)}, `the input is encoded as "binary/plain": it takes json/plain`},
		"a second": {[]any{toSolve, toSolve}, `there is more than one input: it takes one, a JSON object like {"task"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)

			_, err := e.solveInput(test.inputs...)

			requireInvalidInput(t, applicationError(t, err))
			require.ErrorContains(t, err, test.message)
			require.Empty(t, e.submissions)
		})
	}
}

func TestTakenSolveInputs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]workflows.SolveTaskInput{
		`{"task": ` + textTask + ` }`: toSolve,
		`{"task":{"type":"T"},"languagePool":null,"softId":0,"attempts":null,"timeout":null,"id":null}`: {Task: json.RawMessage(`{"type":"T"}`)},
		`{"timeout":"90s","attempts":10,"task":{"type":"T"},"softId":9223372036854775807,"resubmitUnknown":true,"disableCallback":true,` +
			`"languagePool":"rn","initialDelay":"1ms","pollInterval":"7s","maxPollInterval":"8s","polling":"activityRetry","id":"é"}`: {
			Task: json.RawMessage(`{"type":"T"}`), Timeout: 90 * time.Second, Attempts: 10, SoftID: 1<<63 - 1, ResubmitUnknown: true,
			DisableCallback: true, LanguagePool: "rn", InitialDelay: time.Millisecond, PollInterval: 7 * time.Second,
			MaxPollInterval: 8 * time.Second, Polling: workflows.PollingActivityRetry, ID: "é"},
		`{"task":{"type":"T","body":"` + strings.Repeat("x", 1_899_977) + `"}}`: {
			Task: json.RawMessage(`{"type":"T","body":"` + strings.Repeat("x", 1_899_977) + `"}`)},
	} {
		var in workflows.SolveTaskInput
		require.NoError(t, json.Unmarshal([]byte(text), &in))
		require.NoError(t, in.Validate(), "%.200s", text)
		require.Equal(t, want, in)
		raw, err := in.RawValue()
		require.NoError(t, err)
		require.Contains(t, string(raw.Payload().GetData()), string(want.Task))
	}
}

// The task that just fits reaches the service.
func TestSolveTaskOfTheLargestSize(t *testing.T) {
	t.Parallel()
	whileTimeStandsStill(t, func(t *testing.T) {
		e := newEnvironment(t)
		in := workflows.SolveTaskInput{Task: json.RawMessage(`{"type":"T","body":"` + strings.Repeat("<", 1_899_978) + `"}`)}

		_, err := e.solve(in)

		require.NoError(t, err)
		require.Less(t, len(e.submissions[0].input.(converter.RawValue).Payload().GetData()), 2<<20-10_000)
		require.JSONEq(t, string(in.Task), string(e.service.Purchases()[0].Task.Task))
	})
}

func TestSolveTaskUnderItsOwnID(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.SetStartWorkflowOptions(workflows.SolveOptions("mine"))
	in := toSolve
	in.ID = "mine"

	_, err := e.solve(in)

	require.NoError(t, err)
}

// A client and a worker may agree on another encoding than JSON. What a run hands on is JSON all
// the same, with the task as it is.
func TestSolveTaskInAnotherEncoding(t *testing.T) {
	t.Parallel()
	for name, dataConverter := range map[string]converter.DataConverter{
		"gob":              gobconverter.New(),
		"gob, and a codec": converter.NewCodecDataConverter(gobconverter.New(), mirror{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := newEnvironment(t)
			first.SetDataConverter(dataConverter)
			first.newTasks = solvedBy(simulator.Processing())
			first.suggestContinueAsNewAtPoll(1)
			in := toSolve
			in.Attempts = 2
			first.ExecuteWorkflow(workflows.SolveTaskWorkflow, in)
			requireContinued(t, first.GetWorkflowError())

			next, input := first.nextSolve()
			next.SetDataConverter(dataConverter)
			require.NoError(t, dataConverter.FromPayload(input.Payload(), &input))
			next.service.Script(first.service.Purchases()[0].TaskID, simulator.Error(twocaptcha.ErrorCaptchaUnsolvable))
			next.ExecuteWorkflow(workflows.SolveTaskWorkflow, input)

			require.NoError(t, next.GetWorkflowError())
			var out workflows.SolveTaskOutput
			require.NoError(t, next.GetWorkflowResult(&out))
			require.Equal(t, 2, out.Attempts)
			require.Equal(t, textTask, string(next.submissionInput(1).Task))
		})
	}
}

var solveNotUnderstood = map[string]struct{ continued, problem string }{
	"a number":          {`5`, "continued is 5: it takes an object"},
	"nothing":           {`{}`, "continued.startedAt is missing"},
	"no attempt":        {`{"startedAt":"2026-01-02T03:04:05Z"}`, "continued.attemptedAt is missing"},
	"attempts 0":        {`{"startedAt":"2026-01-02T03:04:05Z","attemptedAt":"2026-01-02T03:04:05Z"}`, "continued.attempts is not above 0"},
	"a negative task":   {`{"startedAt":"2026-01-02T03:04:05Z","attemptedAt":"2026-01-02T03:04:05Z","attempts":1,"taskId":-1}`, "above 0"},
	"a task without":    {`{"startedAt":"2026-01-02T03:04:05Z","attemptedAt":"2026-01-02T03:04:05Z","attempts":1,"taskId":1}`, "continued.submittedAt is missing"},
	"unknown since":     {`{"startedAt":"2026-01-02T03:04:05Z","attemptedAt":"2026-01-02T03:04:05Z","attempts":1,"unknown":{}}`, "continued.unknown.since is missing"},
	"a wait for nobody": {`{"startedAt":"2026-01-02T03:04:05Z","attemptedAt":"2026-01-02T03:04:05Z","attempts":1,"wait":{}}`, "continued.taskId is missing"},
	"a wait of no time": {`{"startedAt":"2026-01-02T03:04:05Z","attemptedAt":"2026-01-02T03:04:05Z","attempts":1,"taskId":1,"submittedAt":"2026-01-02T03:04:05Z","wait":{}}`, "continued.startedAt is missing"},
	"a start far ahead": {`{"startedAt":"2999-01-02T03:04:05Z"}`, "continued.startedAt is after the start of this run"},
	"negative polls":    {`{"startedAt":"2026-01-02T03:04:05Z","attemptedAt":"2026-01-02T03:04:05Z","attempts":1,"polls":-1}`, "is negative"},
}

func TestSolveContinuesAsNewWithWhatThisBuildDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for name, test := range solveNotUnderstood {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.SetContinuedExecutionRunID("the run before")

			_, err := e.solveInput(jsonPayload(`{` + aTask + `,"continued":` + test.continued + `}`))

			panicked := new(temporal.PanicError)
			require.ErrorAs(t, err, &panicked, "the workflow task fails")
			require.ErrorContains(t, panicked, "SolveTask: this worker's version can't understand what the previous run handed on: ")
			require.ErrorContains(t, panicked, test.problem)
			require.Empty(t, e.submissions)

			e = newEnvironment(t)
			_, err = e.solveInput(jsonPayload(`{` + aTask + `,"continued":` + test.continued + `}`))
			require.ErrorContains(t, err, onlyForRuns)
		})
	}
}

// An older build goes on with what a newer one handed on, and a task that is still needed must be
// there.
func TestSolveContinuesAsNewFromANewerBuild(t *testing.T) {
	t.Parallel()
	const progress = `{"startedAt":"2026-01-02T03:04:05Z","attemptedAt":"2026-01-02T03:04:05Z","attempts":1,"unknown property":1`
	e := newEnvironment(t)
	e.SetContinuedExecutionRunID("the run before")
	_, err := e.solveInput(jsonPayload(`{` + aTask + `,"of tomorrow":true,"continued":` + progress + `}}`))
	require.NoError(t, err)
	require.Len(t, e.submissions, 1)

	e = newEnvironment(t)
	e.SetContinuedExecutionRunID("the run before")
	_, err = e.solveInput(jsonPayload(`{"continued":` + progress + `}}`))
	require.ErrorContains(t, err, "the task is missing")
}
