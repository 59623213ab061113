package workflows

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

const (
	defaultInitialDelay    = 5 * time.Second
	defaultPollInterval    = schedule.MinInterval
	defaultMaxPollInterval = 10 * time.Second
	defaultTimeout         = 15 * time.Minute // as long as the service keeps a result

	// With a callback polls are a fallback. The first one makes up for a callback that came before the wait began.
	defaultCallbackInitialDelay = 20 * time.Second
	defaultCallbackPollInterval = time.Minute

	maxDuration = 24 * time.Hour
	// An inline wait can't continue as new, so that its polls must fit the caller's history.
	maxInlineTimeout = time.Hour
)

// The ways to poll, for AwaitTaskResultInput's Polling.
const (
	// PollingTimer has a durable timer and an activity for each poll. The history shows each, and a wake-up counts at once.
	PollingTimer = "timer"
	// PollingActivityRetry has one activity, whose attempts are the polls: the history has 16 events however many they are. It
	// doesn't show them, a wake-up counts before the first of them alone, and once one has failed, the next come up to 30
	// seconds apart until the service answers again.
	PollingActivityRetry = "activityRetry"
)

// AwaitTaskResultInput says which task is waited for, and how. Only TaskID is required. In JSON the names are taskId,
// initialDelay, pollInterval, maxPollInterval, timeout, callback and polling, and durations are strings like "5s"; integers are
// nanoseconds.
type AwaitTaskResultInput struct {
	// TaskID is what createTask answered.
	TaskID int64
	// InitialDelay is from the workflow's start to the first poll; 0 is 5 seconds, with Callback 20, and a millisecond means
	// almost at once.
	InitialDelay time.Duration
	// PollInterval is the least time between two polls, at least 5 seconds; 0 is 5 seconds, with Callback 60.
	PollInterval time.Duration
	// MaxPollInterval is the most time between two polls, up to a jitter of 10 %; 0 is the larger of 10 seconds and
	// PollInterval.
	MaxPollInterval time.Duration
	// Timeout is from the workflow's start to the last poll, at most 24 hours, and 1 hour with [Await]; 0 is 15 minutes. A start
	// delay is part of it: use InitialDelay instead.
	Timeout time.Duration
	// Callback tells that a wake-up is expected once the task has ended, so that polls are a fallback. With [Await] it takes
	// [WithWakeUp]. It does not go with PollingActivityRetry.
	Callback bool
	// Polling is PollingTimer or PollingActivityRetry; "" is PollingTimer.
	Polling string

	continued *progress
	// problem is what was wrong with the JSON. It is kept here since an error of UnmarshalJSON would end the workflow with an
	// error type that says nothing and that a parent may retry.
	problem string
}

// Validate returns nil, or the error that the workflow would end with: an ApplicationError of type InvalidInput that names the
// field and what it takes.
func (in AwaitTaskResultInput) Validate() error {
	if problem := in.firstProblem(); problem != "" {
		return newInvalidInput(in.TaskID, problem)
	}
	return nil
}

func (in AwaitTaskResultInput) firstProblem() string {
	switch {
	case in.problem != "":
		return in.problem
	case in.TaskID == 0:
		return "taskId is missing: " + takesTaskID
	case in.TaskID < 0:
		return fmt.Sprintf("taskId is %d: %s", in.TaskID, takesTaskID)
	}
	for _, duration := range in.durations() {
		switch value := *duration.value; {
		case value == 0:
		case value > 0 && value < time.Millisecond:
			return fmt.Sprintf(`%s is %s, since a number without a unit counts nanoseconds: it takes a duration like "%ds"`,
				duration.name, value, value.Nanoseconds())
		case value < 0 || value > maxDuration:
			return fmt.Sprintf(`%s is %s: it takes a duration from "%s" to "24h"`, duration.name, value, duration.least)
		}
	}
	switch settings := in.withDefaults(); {
	case settings.PollInterval < schedule.MinInterval:
		return fmt.Sprintf(`pollInterval is %s: it takes a duration from "5s" to "24h", since the service bans those who ask more often`,
			settings.PollInterval)
	case settings.MaxPollInterval < settings.PollInterval:
		return fmt.Sprintf(`maxPollInterval is %s: it takes a duration from pollInterval, %s, to "24h"`,
			settings.MaxPollInterval, settings.PollInterval)
	case settings.Polling != "" && settings.Polling != PollingTimer && settings.Polling != PollingActivityRetry:
		return fmt.Sprintf(`polling is "%s": %s`, printable(settings.Polling), takesPolling)
	case settings.Callback && settings.Polling == PollingActivityRetry:
		return `callback is true with polling "activityRetry", whose polls no callback can hurry: it takes "polling": "timer", or no callback`
	}
	return in.continued.problem()
}

// withDefaults puts the default for each zero.
func (in AwaitTaskResultInput) withDefaults() AwaitTaskResultInput {
	for _, duration := range in.durations() {
		if *duration.value == 0 {
			*duration.value = duration.preset
		}
	}
	return in
}

const (
	takesTaskID  = "it takes the integer above 0 that createTask answered, like 74372499131"
	takesPolling = `it takes "timer" or "activityRetry"`

	continuedByOthers = "continued takes what a wait hands on to its own next run, and nothing of others: leave it out"
)

type duration struct {
	name   string
	value  *time.Duration
	preset time.Duration
	least  string
}

func (in *AwaitTaskResultInput) durations() []duration {
	initialDelay, pollInterval := defaultInitialDelay, defaultPollInterval
	if in.Callback {
		initialDelay, pollInterval = defaultCallbackInitialDelay, defaultCallbackPollInterval
	}
	maxPollInterval := max(defaultMaxPollInterval, cmp.Or(in.PollInterval, pollInterval))
	return []duration{
		{"initialDelay", &in.InitialDelay, initialDelay, "1ms"},
		{"pollInterval", &in.PollInterval, pollInterval, "5s"},
		{"maxPollInterval", &in.MaxPollInterval, maxPollInterval, "5s"},
		{"timeout", &in.Timeout, defaultTimeout, "1ms"},
	}
}

// MarshalJSON writes durations as strings, and leaves zeros out. Its error is what was wrong with the JSON that the input was
// decoded from: without that, the rest of it could pass for what was meant.
func (in AwaitTaskResultInput) MarshalJSON() ([]byte, error) {
	if in.problem != "" {
		return nil, in.Validate()
	}
	texts := map[string]string{}
	for _, duration := range in.durations() {
		if *duration.value != 0 {
			texts[duration.name] = duration.value.String()
		}
	}
	return json.Marshal(struct {
		TaskID          int64     `json:"taskId"`
		InitialDelay    string    `json:"initialDelay,omitempty"`
		PollInterval    string    `json:"pollInterval,omitempty"`
		MaxPollInterval string    `json:"maxPollInterval,omitempty"`
		Timeout         string    `json:"timeout,omitempty"`
		Callback        bool      `json:"callback,omitempty"`
		Polling         string    `json:"polling,omitempty"`
		Continued       *progress `json:"continued,omitempty"`
	}{
		in.TaskID, texts["initialDelay"], texts["pollInterval"], texts["maxPollInterval"], texts["timeout"],
		in.Callback, in.Polling, in.continued,
	})
}

// UnmarshalJSON is strict, and always returns nil: what is wrong is told by [AwaitTaskResultInput.Validate], and by the workflow.
func (in *AwaitTaskResultInput) UnmarshalJSON(data []byte) error {
	*in = AwaitTaskResultInput{}
	in.problem = in.decode(data)
	return nil
}

// inputFromPayload decodes what the workflow was started with. It takes the payload raw: JSON that is broken would fail
// before UnmarshalJSON is asked.
func inputFromPayload(payload *commonpb.Payload) AwaitTaskResultInput {
	var in AwaitTaskResultInput
	switch encoding := string(payload.GetMetadata()[converter.MetadataEncoding]); encoding {
	case converter.MetadataEncodingJSON:
		in.problem = in.decode(payload.GetData())
	case "", converter.MetadataEncodingNil:
		in.problem = "there is no input: " + takesInput
	default:
		in.problem = fmt.Sprintf(`the input is encoded as "%s": it takes %s`, printable(encoding), converter.MetadataEncodingJSON)
	}
	return in
}

const takesInput = `it takes a JSON object like {"taskId": 74372499131}`

// decode returns what is wrong with the JSON, or "". What it has read by then stays in the input.
func (in *AwaitTaskResultInput) decode(data []byte) (problem string) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	switch first, err := decoder.Token(); {
	case err != nil:
		return "the input is no JSON: " + takesInput
	case first == nil:
		return "the input is null: " + takesInput
	case first != json.Delim('{'):
		return "the input is no JSON object: " + takesInput
	}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return "the input is broken JSON: " + takesInput
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return "the input is broken JSON: " + takesInput
		}
		if seen[name] {
			problem = fmt.Sprintf(`"%s" is given twice: it takes one value`, printable(name))
		} else if wrong := in.set(name, value); problem == "" {
			problem = wrong
		}
		seen[name] = true
	}
	if _, err := decoder.Token(); err != nil {
		return "the input is broken JSON: " + takesInput
	}
	if _, err := decoder.Token(); err != io.EOF {
		return "the input goes on after its JSON object: " + takesInput
	}
	return problem
}

// set reads one property; null is as good as leaving it out.
func (in *AwaitTaskResultInput) set(name string, value json.RawMessage) (problem string) {
	if string(value) == "null" {
		value = nil
	}
	switch name {
	case "taskId":
		if value == nil {
			return ""
		}
		id, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return fmt.Sprintf("taskId is %s: %s", printableJSON(value), takesTaskID)
		}
		in.TaskID = id
		return ""
	case "callback":
		if value != nil && json.Unmarshal(value, &in.Callback) != nil {
			return fmt.Sprintf("callback is %s: it takes true or false", printableJSON(value))
		}
		return ""
	case "polling":
		if value != nil && json.Unmarshal(value, &in.Polling) != nil {
			return fmt.Sprintf("polling is %s: %s", printableJSON(value), takesPolling)
		}
		return ""
	case "continued":
		if value == nil || strictly(value, &in.continued) == nil {
			return ""
		}
		return continuedByOthers
	}
	for _, duration := range in.durations() {
		if name != duration.name {
			continue
		}
		parsed, ok := parseDuration(value)
		if !ok {
			return fmt.Sprintf(`%s is %s: it takes a duration with a unit, like "%s"`, name, printableJSON(value), duration.preset)
		}
		*duration.value = parsed
		return ""
	}
	return fmt.Sprintf(`"%s" is no property of the input: it takes taskId, initialDelay, pollInterval, maxPollInterval, timeout, `+
		`callback and polling`, printable(name))
}

func parseDuration(value json.RawMessage) (time.Duration, bool) {
	if value == nil {
		return 0, true
	}
	if value[0] != '"' {
		nanoseconds, err := strconv.ParseInt(string(value), 10, 64)
		return time.Duration(nanoseconds), err == nil
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return 0, false
	}
	parsed, err := time.ParseDuration(text)
	return parsed, err == nil
}

func strictly(value json.RawMessage, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func printableJSON(value json.RawMessage) string {
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return "no JSON"
	}
	return printable(compact.String())
}

// printable is the beginning of the caller's text as an error may quote it: invalid UTF-8 in a failure's message would never
// be delivered.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, fmt.Sprintf("%.60s", text))
}
