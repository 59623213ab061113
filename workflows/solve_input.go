package workflows

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/converter"
)

const (
	maxAttempts = 10
	maxSolveID  = 900 // with its prefix within the server's 1,000 for a workflow id

	// SolveTask hears every call that the service makes, so that its fallback polls may begin late.
	defaultSolveCallbackInitialDelay = time.Minute
)

const takesSolveInput = `it takes a JSON object like {"task": {"type": "TextCaptchaTask", "comment": "2+2?"}}`

// SolveTaskInput says which task is submitted, and how its result is waited for. Only Task is
// required.
//
// In JSON the names are task, languagePool, softId, attempts, resubmitUnknown, disableCallback,
// initialDelay, pollInterval, maxPollInterval, timeout, polling and id, and durations are strings
// with a unit, like "5s".
//
// In a data converter the task may lose white space and get a longer form of the same meaning.
// [SolveTaskInput.RawValue] keeps it byte for byte.
//
// The task is in the workflow's history in the clear, with all that it holds, such as the passwords
// of proxies: a payload codec encrypts it.
type SolveTaskInput struct {
	// Task is the task: a JSON object with a type, as the service documents it for each type, of at
	// most 1,900,000 bytes. It reaches the service unchanged, but for white space.
	Task json.RawMessage
	// LanguagePool says whose workers are preferred for images and texts: "en" or "rn"; "" leaves it
	// to the service, which takes en.
	LanguagePool string
	// SoftID is the id of a software that is registered with the service; 0 leaves it out.
	SoftID int64
	// Attempts is how many tasks are submitted at most, one after the other, 1 to 10; if it is left
	// out (0 in Go), it is 1. Another attempt follows if the service could not solve the task
	// (ERROR_CAPTCHA_UNSOLVABLE, ERROR_BAD_DUPLICATES), and after nothing else. 2captcha refunds
	// such tasks; some of its relatives don't.
	Attempts int
	// ResubmitUnknown has the task submitted once more in an attempt, after at most a minute, if
	// nobody can tell whether it was bought: it may then be bought twice. Without it, SolveTask ends
	// with CreateTaskOutcomeUnknown.
	ResubmitUnknown bool
	// DisableCallback tells not to give the service an address to call, even if the worker takes
	// callbacks.
	DisableCallback bool
	// InitialDelay is from when the task's id is known to the first poll; 0 is 5 seconds, and 60 with
	// a callback.
	InitialDelay time.Duration
	// PollInterval is the least time between two polls, at least 5 seconds; 0 is 5 seconds, and 60, or
	// a smaller MaxPollInterval, with a callback.
	PollInterval time.Duration
	// MaxPollInterval is the most time between two polls, up to a jitter of 10 %; 0 is the larger of
	// 10 seconds and PollInterval.
	MaxPollInterval time.Duration
	// Timeout is from when an attempt's task is known to its last poll, at most 24 hours; 0 is 15
	// minutes. Submitting may take as long before that.
	Timeout time.Duration
	// Polling is PollingTimer or PollingActivityRetry; "" is PollingTimer.
	Polling Polling
	// ID is the id in the workflow's id, 2captcha-solve-<id>, which it must match: Nexus makes the
	// workflow's id of it. "" matches any.
	ID string

	// continued is what the previous run handed on, which no caller can set.
	continued *solveProgress
	// problem is what was wrong with the JSON, as in AwaitTaskResultInput.
	problem string
}

// Validate returns nil, or the error that the workflow would end with: an ApplicationError of type
// InvalidInput that names the field and what it takes. It shows nothing of the task.
func (in SolveTaskInput) Validate() error {
	if problem := in.firstProblem(); problem != "" {
		return newInvalidInput(0, problem)
	}
	return nil
}

// RawValue returns the input as a payload with the task byte for byte. A client starts the workflow
// with it instead of the input; so does a parent. The error is that of [SolveTaskInput.Validate].
func (in SolveTaskInput) RawValue() (converter.RawValue, error) {
	if err := in.Validate(); err != nil {
		return converter.RawValue{}, err
	}
	return handOn(in), nil
}

// MarshalJSON writes durations as strings, and leaves zeros out. Its error is that of
// [SolveTaskInput.Validate] if the task is not JSON, or if the input was decoded from JSON that was
// wrong.
func (in SolveTaskInput) MarshalJSON() ([]byte, error) {
	if in.problem != "" || len(in.Task) > 0 && !json.Valid(in.Task) {
		return nil, in.Validate()
	}
	return encodeProperties(in.properties())
}

// UnmarshalJSON is strict, and always returns nil: [SolveTaskInput.Validate] and the workflow tell
// what is wrong.
func (in *SolveTaskInput) UnmarshalJSON(data []byte) error {
	*in = SolveTaskInput{}
	in.problem = decodeProperties(data, in.properties(), strictly, takesSolveInput)
	return nil
}

func (in SolveTaskInput) firstProblem() string {
	if in.problem != "" {
		return in.problem
	}
	for _, property := range in.properties() {
		if property.name == "task" && in.continued != nil && !in.continued.needsTask(in) {
			continue // which the previous run has left out
		}
		if problem := property.check(); problem != "" {
			return problem
		}
	}
	return in.waitFor(1, false).problemOfIntervals()
}

// waitFor is the input of the wait for an attempt's task, of which the service may tell by a call.
func (in SolveTaskInput) waitFor(taskID int64, callback bool) AwaitTaskResultInput {
	wait := AwaitTaskResultInput{
		TaskID: taskID, InitialDelay: in.InitialDelay, PollInterval: in.PollInterval, MaxPollInterval: in.MaxPollInterval,
		Timeout: in.Timeout, Callback: callback, Polling: in.Polling,
	}
	if callback {
		wait.InitialDelay = cmp.Or(wait.InitialDelay, defaultSolveCallbackInitialDelay)
	}
	return wait
}

func (in SolveTaskInput) attempts() int { return cmp.Or(in.Attempts, 1) }

func (in SolveTaskInput) timeout() time.Duration { return cmp.Or(in.Timeout, defaultTimeout) }

// properties is the table of the input's JSON properties, each bound to its field.
func (in *SolveTaskInput) properties() []property {
	maxPollInterval := max(defaultMaxPollInterval, cmp.Or(in.PollInterval, defaultPollInterval))
	return []property{
		taskProperty("task", &in.Task),
		choiceProperty("languagePool", &in.LanguagePool, "en", "rn"),
		integerProperty("softId", &in.SoftID, 0, math.MaxInt64, 0, "it takes the id of a registered software, an integer above 0"),
		integerProperty("attempts", &in.Attempts, 1, maxAttempts, 1, fmt.Sprintf("it takes an integer from 1 to %d", maxAttempts)),
		boolProperty("resubmitUnknown", &in.ResubmitUnknown),
		boolProperty("disableCallback", &in.DisableCallback),
		durationProperty("initialDelay", &in.InitialDelay, "1ms", defaultInitialDelay),
		durationProperty("pollInterval", &in.PollInterval, "5s", defaultPollInterval),
		durationProperty("maxPollInterval", &in.MaxPollInterval, "5s", maxPollInterval),
		durationProperty("timeout", &in.Timeout, "1ms", defaultTimeout),
		choiceProperty("polling", &in.Polling, PollingTimer, PollingActivityRetry),
		textProperty("id", &in.ID, maxSolveID),
		continuedProperty("continued", &in.continued),
	}
}

func (in *SolveTaskInput) problemField() *string { return &in.problem }

func (in *SolveTaskInput) takes() string { return takesSolveInput }

func (in *SolveTaskInput) subject() string { return SolveTaskWorkflow }

func (in *SolveTaskInput) problemOfContinued(startedAt time.Time) string {
	return in.continued.problem(startedAt)
}
