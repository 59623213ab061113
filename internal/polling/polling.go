// Package polling is what the workflow and the pollTaskResult activity say to each other. Nobody
// else calls that activity. The two sides can be different builds, so that both read leniently:
// unknown properties are ignored.
package polling

import (
	"encoding/json"
	"time"
)

// Input is the activity's: the schedule of one wait, and how far the wait has come.
type Input struct {
	TaskID    int64     `json:"taskId"`
	StartedAt time.Time `json:"startedAt"`
	// InitialDelay, PollInterval, MaxPollInterval and Deadline are those of the wait's schedule.
	InitialDelay    Duration  `json:"initialDelay"`
	PollInterval    Duration  `json:"pollInterval"`
	MaxPollInterval Duration  `json:"maxPollInterval"`
	Deadline        time.Time `json:"deadline"`
	// Polls is how many polls the wait has had before this activity.
	Polls int `json:"polls,omitempty"`
	// Soon tells that a wake-up brought this activity about: if its first poll finds the task
	// processing, the second one follows as soon as it may.
	Soon bool `json:"soon,omitempty"`
	// HandBack tells that a wake-up may cancel the activity. A failed poll whose repeat is more than
	// MinInterval away ends it then, since a wake-up must not shorten that delay.
	HandBack bool `json:"handBack,omitempty"`
	// Failures is how many polls in a row have failed before this activity, which an activity before
	// it has handed back. This one ends with the first answer then.
	Failures int `json:"failures,omitempty"`

	problem error
}

// UnmarshalJSON accepts any JSON value and keeps what is wrong with it for [Input.Problem]: an
// error here would be retried for ever.
func (in *Input) UnmarshalJSON(data []byte) error {
	type properties Input // which has no UnmarshalJSON
	var given properties
	err := json.Unmarshal(data, &given)
	*in = Input(given)
	in.problem = err
	return nil
}

// Problem returns what was wrong with the JSON, or nil.
func (in Input) Problem() error { return in.problem }

// Output is the activity's. Result is the method's answer.
type Output[Result any] struct {
	Result Result `json:"result"`
	// Polls is how many polls the wait has had.
	Polls int `json:"polls"`
	// Last tells that the result answers a request that was sent on the deadline or after it: nothing
	// is to follow it.
	Last bool `json:"last,omitempty"`
	// Failures is, of an activity that hands back, how many polls in a row have failed; 0 if there is
	// a result.
	Failures int `json:"failures,omitempty"`
	// LastError is what the last of them failed with.
	LastError string `json:"lastError,omitempty"`
	// RetryDelay is how long it is to wait for its repeat.
	RetryDelay Duration `json:"retryDelay,omitempty"`
}

// NotSent is the second of the details of an attempt's error if that attempt sent no request.
type NotSent struct {
	// Requests is how many requests the attempts before it may have sent.
	Requests int `json:"requests"`
}

// Duration is a string with a unit in JSON, like "5s".
type Duration time.Duration

// MarshalText returns a text like "1m30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}
