package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	takesInput  = `it takes a JSON object like {"taskId": 74372499131}`
	takesTaskID = "it takes the integer above 0 that createTask answered, like 74372499131"
	worksWith   = "; this provider works with services whose task ids are integers (2captcha, RuCaptcha, Anti-Captcha, " +
		"CapMonster Cloud), not with services whose task ids are strings"
)

// refusedInputs are inputs as JSON, with what they are refused with.
var refusedInputs = map[string]struct {
	input, message string
}{
	"nothing":               {"", "the input is not JSON: " + takesInput},
	"no JSON":               {"74372499131x", "the input is not a JSON object"},
	"null":                  {"null", "the input is null: " + takesInput},
	"list":                  {"[]", "the input is not a JSON object: " + takesInput},
	"list with an input":    {`[{"taskId":5}]`, "the input is not a JSON object: " + takesInput},
	"number":                {"74372499131", "the input is not a JSON object: " + takesInput},
	"text":                  {`"74372499131"`, "the input is not a JSON object: " + takesInput},
	"text with an input":    {`"{\"taskId\":5}"`, "the input is not a JSON object: " + takesInput},
	"cut off":               {`{"taskId":5`, "the input is broken JSON: " + takesInput},
	"cut off in a name":     {`{"taskI`, "the input is broken JSON: " + takesInput},
	"cut off in a value":    {`{"taskId":5,"timeout":"5`, "the input is broken JSON: " + takesInput},
	"value missing":         {`{"taskId":}`, "the input is broken JSON: " + takesInput},
	"comma too many":        {`{"taskId":5,}`, "the input is broken JSON: " + takesInput},
	"comma too few":         {`{"taskId":5 "timeout":"5m"}`, "the input is broken JSON: " + takesInput},
	"single quotes":         {`{'taskId':5}`, "the input is broken JSON: " + takesInput},
	"nested too deep":       {`{"taskId":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`, "broken JSON"},
	"trailing data":         {`{"taskId":5} {"taskId":6}`, "the input goes on after its JSON object: " + takesInput},
	"trailing bracket":      {`{"taskId":5}}`, "the input goes on after its JSON object: " + takesInput},
	"no properties":         {`{}`, "taskId is missing: " + takesTaskID},
	"taskId missing":        {`{"timeout":"5m"}`, "taskId is missing: " + takesTaskID},
	"taskId null":           {`{"taskId":null}`, "taskId is missing: " + takesTaskID},
	"taskId 0":              {`{"taskId":0}`, "taskId is missing: " + takesTaskID},
	"taskId negative":       {`{"taskId":-5}`, "taskId is -5: " + takesTaskID},
	"taskId in quotes":      {`{"taskId":"74372499131"}`, `taskId is "74372499131": ` + takesTaskID + ", without quotes"},
	"taskId empty":          {`{"taskId":""}`, `taskId is "": ` + takesTaskID},
	"taskId a UUID":         {`{"taskId":"61138bb6-19fb-11ec-a9c8-0242ac110006"}`, `taskId is "61138bb6-19fb-11ec-a9c8-0242ac110006": ` + takesTaskID + worksWith},
	"taskId in hexadecimal": {`{"taskId":"0x1150c5d3fb"}`, `taskId is "0x1150c5d3fb": ` + takesTaskID + worksWith},
	"taskId a long text":    {`{"taskId":"` + strings.Repeat("\U0010ffff", 1000) + `"}`, worksWith},
	"taskId with exponent":  {`{"taskId":1e10}`, "taskId is 1e10: " + takesTaskID},
	"taskId a fraction":     {`{"taskId":1.5}`, "taskId is 1.5: " + takesTaskID},
	"taskId 5.0":            {`{"taskId":5.0}`, "taskId is 5.0: " + takesTaskID},
	"taskId beyond int64":   {`{"taskId":9223372036854775808}`, "taskId is 9223372036854775808: " + takesTaskID},
	"taskId a list":         {`{"taskId":[5]}`, "taskId is [5]: " + takesTaskID},
	"taskId true":           {`{"taskId":true}`, "taskId is true: " + takesTaskID},
	"taskId very long":      {`{"taskId":` + strings.Repeat("9", 1_000_000) + `}`, "taskId is 9999"},
	"unknown property":      {`{"taskId":5,"timeOut":"5m"}`, `"timeOut" is not a property of the input: it takes taskId, initialDelay, pollInterval, maxPollInterval, timeout, callback and polling`},
	"wrong case":            {`{"TaskID":5}`, `"TaskID" is not a property of the input: it takes taskId,`},
	"client key":            {`{"taskId":5,"clientKey":"x"}`, `"clientKey" is not a property of the input`},
	"nameless property":     {`{"taskId":5,"":1}`, `"" is not a property of the input`},
	"taskId twice":          {`{"taskId":5,"taskId":6}`, `"taskId" is given twice: it takes one value`},
	"taskId twice, alike":   {`{"taskId":5,"taskId":5}`, `"taskId" is given twice: it takes one value`},
	"timeout twice":         {`{"taskId":5,"timeout":null,"timeout":"5m"}`, `"timeout" is given twice: it takes one value`},
	"duration unitless":     {`{"taskId":5,"timeout":"900"}`, `timeout is "900": it takes a duration with a unit, like "15m0s"`},
	"duration in words":     {`{"taskId":5,"pollInterval":"5 seconds"}`, `pollInterval is "5 seconds": it takes a duration with a unit, like "5s"`},
	"duration empty":        {`{"taskId":5,"initialDelay":""}`, `initialDelay is "": it takes a duration with a unit, like "5s"`},
	"duration in days":      {`{"taskId":5,"timeout":"1d"}`, `timeout is "1d": it takes a duration with a unit, like "15m0s"`},
	"duration a fraction":   {`{"taskId":5,"timeout":1.5}`, `timeout is 1.5, a number without a unit: it takes a duration with a unit`},
	"duration with expo":    {`{"taskId":5,"timeout":9e11}`, `timeout is 9e11, a number without a unit: it takes a duration with a unit`},
	"duration true":         {`{"taskId":5,"timeout":true}`, `timeout is true: it takes a duration with a unit`},
	"duration an object":    {`{"taskId":5,"timeout":{"seconds":900}}`, `timeout is {"seconds":900}: it takes a duration with a unit`},
	"duration beyond int64": {`{"taskId":5,"timeout":9223372036854775808}`, `timeout is 9223372036854775808, a number without a unit: it takes a duration`},
	"300,000 hours":         {`{"taskId":5,"timeout":"3000000h"}`, `timeout is "3000000h": it takes a duration`},
	"timeout 900":           {`{"taskId":5,"timeout":900}`, `timeout is 900, a number without a unit: it takes a duration with a unit, like "15m0s"`},
	"initialDelay 5":        {`{"taskId":5,"initialDelay":5}`, `initialDelay is 5, a number without a unit: it takes a duration with a unit, like "5s"`},
	"milliseconds":          {`{"taskId":5,"timeout":3600000}`, `timeout is 3600000, a number without a unit: it takes a duration with a unit, like "15m0s"`},
	"timeout 0":             {`{"taskId":5,"timeout":0}`, `timeout is 0, a number without a unit: it takes a duration with a unit, like "15m0s"`},
	"initialDelay 1 µs":     {`{"taskId":5,"initialDelay":"1us"}`, `initialDelay is 1µs`},
	"initialDelay negative": {`{"taskId":5,"initialDelay":"-1s"}`, `initialDelay is -1s: it takes a duration from "1ms" to "24h"`},
	"timeout negative":      {`{"taskId":5,"timeout":-1}`, `timeout is -1, a number without a unit: it takes a duration with a unit, like "15m0s"`},
	"timeout of a year":     {`{"taskId":5,"timeout":"8760h"}`, `timeout is 8760h0m0s: it takes a duration from "1ms" to "24h"`},
	"timeout over a day":    {`{"taskId":5,"timeout":"24h0m0.001s"}`, `timeout is 24h0m0.001s: it takes a duration from "1ms" to "24h"`},
	"initialDelay too long": {`{"taskId":5,"initialDelay":"25h"}`, `initialDelay is 25h0m0s: it takes a duration from "1ms" to "24h"`},
	"pollInterval too long": {`{"taskId":5,"pollInterval":"25h"}`, `pollInterval is 25h0m0s: it takes a duration from "5s" to "24h"`},
	"pollInterval under 5s": {`{"taskId":5,"pollInterval":"4.999s"}`, `pollInterval is 4.999s: it takes a duration from "5s" to "24h", since the service bans those who ask more often`},
	"pollInterval negative": {`{"taskId":5,"pollInterval":"-5s"}`, `pollInterval is -5s: it takes a duration from "5s" to "24h"`},
	"maximum under minimum": {`{"taskId":5,"pollInterval":"20s","maxPollInterval":"19s"}`, `maxPollInterval is 19s: it takes a duration from pollInterval, 20s, to "24h"`},
	"maximum under default": {`{"taskId":5,"maxPollInterval":"4s"}`, `maxPollInterval is 4s: it takes a duration from pollInterval, 5s, to "24h"`},
	"maximum negative":      {`{"taskId":5,"maxPollInterval":"-1s"}`, `maxPollInterval is -1s: it takes a duration from "5s" to "24h"`},
	"callback as text":      {`{"taskId":5,"callback":"true"}`, `callback is "true": it takes true or false`},
	"callback a number":     {`{"taskId":5,"callback":1}`, `callback is 1: it takes true or false`},
	"callback an address":   {`{"taskId":5,"callback":"https://example.com/"}`, `callback is "https://example.com/": it takes true or false`},
	"callback twice":        {`{"taskId":5,"callback":true,"callback":false}`, `"callback" is given twice: it takes one value`},
	"polling unknown":       {`{"taskId":5,"polling":"activityretry"}`, `polling is "activityretry": it takes "timer" or "activityRetry"`},
	"polling in odd runes":  {"{\"taskId\":5,\"polling\":\"\u0085\xff" + strings.Repeat("\U0010ffff", 1000) + "\"}", `polling is "`},
	"polling true":          {`{"taskId":5,"polling":true}`, `polling is true: it takes "timer" or "activityRetry"`},
	"polling twice":         {`{"taskId":5,"polling":"timer","polling":"timer"}`, `"polling" is given twice: it takes one value`},
	"maximum of callback":   {`{"taskId":5,"callback":true,"maxPollInterval":"59s"}`, `maxPollInterval is 59s: it takes a duration from pollInterval, 1m0s, to "24h"`},
	"first of two problems": {`{"taskId":5,"timeout":"x","pollInterval":"y"}`, `timeout is "x"`},
	"invalid UTF-8, name":   {"{\"taskId\":5,\"a\xff\":1}", `is not a property of the input`},
	"invalid UTF-8, value":  {"{\"taskId\":5,\"timeout\":\"\xff\"}", `timeout is "�"`},
	"control characters":    {"{\"taskId\":5,\"timeout\":\"\u0085\u007f\u2028\u202e5m\",\"\u0085\":1}", `timeout is "`},
	"name of odd runes":     {"{\"taskId\":5,\"" + strings.Repeat("\U000e0001", 1000) + "\":1}", `is not a property of the input`},
	"value of odd runes":    {"{\"taskId\":5,\"timeout\":\"" + strings.Repeat("\U0010ffff", 1000) + "\"}", `timeout is "`},
	"long name":             {`{"taskId":5,"` + strings.Repeat("名", 100_000) + `":1}`, `is not a property of the input`},
}

func TestRefusedInputs(t *testing.T) {
	t.Parallel()
	for name, test := range refusedInputs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A megabyte takes a busy machine so long that the SDK would take it for a deadlock.
			whileTimeStandsStill(t, func(t *testing.T) { requireRefused(t, test.input, test.message) })
		})
	}
}

func requireRefused(t *testing.T, input, message string) {
	t.Helper()
	e := newEnvironment(t)

	_, err := e.awaitInput(jsonPayload(input))

	failure := applicationError(t, err)
	requireInvalidInput(t, failure)
	require.Contains(t, failure.Message(), message)
	require.LessOrEqual(t, errorDetails(t, failure).TaskID, int64(6))
	require.Empty(t, e.service.Requests())
	require.Empty(t, e.timers)

	// In Go, too, the input tells what is wrong with it, when it is asked.
	if in := new(workflows.AwaitTaskResultInput); json.Valid([]byte(input)) {
		require.NoError(t, json.Unmarshal([]byte(input), in))
		require.EqualError(t, in.Validate(), failure.Error())
	}
}

// requireInvalidInput checks what every refusal has in common.
func requireInvalidInput(t *testing.T, err error) {
	t.Helper()
	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeInvalidInput, failure.Type())
	message := failure.Message()
	require.True(t, utf8.ValidString(message), "%q", message)
	require.NotContains(t, message, "\n")
	require.LessOrEqual(t, len(message), 500)
	require.False(t, strings.ContainsFunc(message, func(r rune) bool { return !unicode.IsGraphic(r) }), "%q", message)
	require.Regexp(t, " take|leave it out", message)
}

func TestInputThatIsNoJSONPayload(t *testing.T) {
	t.Parallel()
	payload := func(encoding, data string) converter.RawValue {
		return converter.NewRawValue(&commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding)}, Data: []byte(data),
		})
	}
	for name, test := range map[string]struct {
		input   []any
		message string
	}{
		"none":             {nil, "there is no input: " + takesInput},
		"nil":              {[]any{nil}, "there is no input: " + takesInput},
		"without encoding": {[]any{converter.NewRawValue(&commonpb.Payload{Data: []byte(`{"taskId":5}`)})}, "there is no input"},
		"bytes":            {[]any{[]byte(`{"taskId":5}`)}, `the input is encoded as "binary/plain": it takes json/plain`},
		"encrypted":        {[]any{payload("binary/encrypted", "\xff\x00")}, `the input is encoded as "binary/encrypted": it takes json/plain`},
		"odd encoding":     {[]any{payload("\xff\n"+strings.Repeat("\U000e0001", 300), "")}, `the input is encoded as "`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)

			_, err := e.awaitInput(test.input...)

			failure := applicationError(t, err)
			requireInvalidInput(t, failure)
			require.Contains(t, failure.Message(), test.message)
			require.Empty(t, e.service.Requests())
		})
	}
}

func TestTakenInputs(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]workflows.AwaitTaskResultInput{
		`{"taskId":74372499131}`:                     {TaskID: taskID},
		` {"timeout":"90s" , "taskId" : 5} `:         {TaskID: 5, Timeout: 90 * time.Second},
		`{"taskId":9223372036854775807}`:             {TaskID: 1<<63 - 1},
		`{"taskId":5,"timeout":null}`:                {TaskID: 5},
		`{"taskId":5,"timeout":"0s"}`:                {TaskID: 5},
		`{"taskId":5,"timeout":"900000000000ns"}`:    {TaskID: 5, Timeout: 15 * time.Minute},
		`{"taskId":5,"timeout":"24h"}`:               {TaskID: 5, Timeout: day},
		`{"taskId":5,"initialDelay":"1ms"}`:          {TaskID: 5, InitialDelay: time.Millisecond},
		`{"taskId":5,"initialDelay":"24h"}`:          {TaskID: 5, InitialDelay: day},
		`{"taskId":5,"pollInterval":"1m30s"}`:        {TaskID: 5, PollInterval: 90 * time.Second},
		`{"taskId":5,"pollInterval":"24h"}`:          {TaskID: 5, PollInterval: day},
		`{"taskId":5,"maxPollInterval":"5s"}`:        {TaskID: 5, MaxPollInterval: 5 * time.Second},
		`{"taskId":5,"callback":true}`:               {TaskID: 5, Callback: true},
		`{"taskId":5,"callback":false}`:              {TaskID: 5},
		`{"taskId":5,"callback":null}`:               {TaskID: 5},
		`{"taskId":5,"polling":"activityRetry"}`:     {TaskID: 5, Polling: workflows.PollingActivityRetry},
		`{"taskId":5,"polling":"timer"}`:             {TaskID: 5, Polling: workflows.PollingTimer},
		`{"taskId":5,"polling":""}`:                  {TaskID: 5},
		`{"taskId":5,"polling":null}`:                {TaskID: 5},
		`{"taskId":5,"ti\u006deout":"\u0031\u006d"}`: {TaskID: 5, Timeout: time.Minute},
		`{"taskId":74372499131,"initialDelay":"5s","pollInterval":"5s","maxPollInterval":"10s","timeout":"15m"}`: {
			TaskID: taskID, InitialDelay: 5 * time.Second, PollInterval: 5 * time.Second, MaxPollInterval: 10 * time.Second,
			Timeout: 15 * time.Minute},
	} {
		var in workflows.AwaitTaskResultInput
		require.NoError(t, json.Unmarshal([]byte(text), &in), text)
		require.NoError(t, in.Validate(), text)
		require.Equal(t, want, in, text)

		again, err := json.Marshal(in)
		require.NoError(t, err)
		var back workflows.AwaitTaskResultInput
		require.NoError(t, json.Unmarshal(again, &back))
		require.Equal(t, in, back, "%s", again)
	}
}

func TestInputAsJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(workflows.AwaitTaskResultInput{TaskID: taskID, InitialDelay: time.Millisecond,
		PollInterval: 5 * time.Second, MaxPollInterval: 90 * time.Second, Timeout: time.Hour})
	require.NoError(t, err)
	require.Equal(t, `{"taskId":74372499131,"initialDelay":"1ms","pollInterval":"5s","maxPollInterval":"1m30s","timeout":"1h0m0s"}`,
		string(text))
	text, err = json.Marshal(workflows.AwaitTaskResultInput{TaskID: taskID})
	require.NoError(t, err)
	require.Equal(t, `{"taskId":74372499131}`, string(text), "zeros are left out")
	text, err = json.Marshal(workflows.AwaitTaskResultInput{TaskID: 5, Callback: true, Polling: workflows.PollingTimer})
	require.NoError(t, err)
	require.Equal(t, `{"taskId":5,"callback":true,"polling":"timer"}`, string(text))
	text, err = json.Marshal(&workflows.AwaitTaskResultInput{TaskID: taskID})
	require.NoError(t, err)
	require.Equal(t, `{"taskId":74372499131}`, string(text))
}

// What was wrong with an input must not get lost on its way through Go: without it, the rest may
// well be right.
func TestWrongInputIsNotPassedOn(t *testing.T) {
	t.Parallel()
	var in workflows.AwaitTaskResultInput
	require.NoError(t, json.Unmarshal([]byte(`{"taskId":5,"timeout":"900"}`), &in))

	_, err := json.Marshal(in)

	require.ErrorContains(t, err, `timeout is "900": it takes a duration with a unit`)
}

func TestDecodingStartsAnew(t *testing.T) {
	t.Parallel()
	in := workflows.AwaitTaskResultInput{TaskID: 6, Timeout: time.Minute}
	require.NoError(t, json.Unmarshal([]byte(`{"taskId":-5,"timeout":"x"}`), &in))
	require.NoError(t, json.Unmarshal([]byte(`{"taskId":5}`), &in))
	require.Equal(t, workflows.AwaitTaskResultInput{TaskID: 5}, in)
}

func TestValidateInGo(t *testing.T) {
	t.Parallel()
	for message, in := range map[string]workflows.AwaitTaskResultInput{
		"taskId is missing: " + takesTaskID: {},
		"taskId is -1: " + takesTaskID:      {TaskID: -1},
		`pollInterval is 1s: it takes a duration from "5s" to "24h", since the service bans those who ask more often`: {TaskID: 5, PollInterval: time.Second},
		`initialDelay is -1ns: it takes a duration from "1ms" to "24h"`:                                               {TaskID: 5, InitialDelay: -1},
		`maxPollInterval is 6s: it takes a duration from pollInterval, 7s, to "24h"`:                                  {TaskID: 5, PollInterval: 7 * time.Second, MaxPollInterval: 6 * time.Second},
	} {
		err := in.Validate()
		requireInvalidInput(t, err)
		require.Equal(t, message, err.(*temporal.ApplicationError).Message())
	}
	require.NoError(t, workflows.AwaitTaskResultInput{TaskID: 5}.Validate())
}

func TestInputAsAnySDKSendsIt(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Ready(solution))

	out, err := e.awaitInput(jsonPayload(`{"taskId": 74372499131, "initialDelay": "1ms", "timeout": "1h"}`))

	require.NoError(t, err)
	require.Equal(t, 1, out.Polls)
	require.Equal(t, []time.Duration{time.Millisecond}, e.requestTimes(taskID))
}

// The SDK would drop them without a word.
func TestFurtherInputsAreRefused(t *testing.T) {
	t.Parallel()
	const tooMany = `there is more than one input: it takes one, a JSON object like {"taskId": 74372499131}`
	for name, test := range map[string]struct {
		inputs  []any
		message string
		taskID  int64
	}{
		"another task":       {[]any{jsonPayload(`{"taskId": 74372499131}`), jsonPayload(`{"taskId": 5}`)}, tooMany, taskID},
		"settings":           {[]any{workflows.AwaitTaskResultInput{TaskID: taskID}, jsonPayload(`{"timeout": "1m"}`)}, tooMany, taskID},
		"null":               {[]any{jsonPayload(`{"taskId": 74372499131}`), nil}, tooMany, taskID},
		"three":              {[]any{jsonPayload(`{"taskId": 74372499131}`), "a", "b"}, tooMany, taskID},
		"a bad one, another": {[]any{jsonPayload(`{"taskId": 5, "timeout": 900}`), "a"}, "timeout is 900, a number without a unit", 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)

			_, err := e.awaitInput(test.inputs...)

			failure := applicationError(t, err)
			requireInvalidInput(t, failure)
			require.Contains(t, failure.Message(), test.message)
			require.Equal(t, test.taskID, errorDetails(t, failure).TaskID)
			require.Empty(t, e.service.Requests())
		})
	}
}
