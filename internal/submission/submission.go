// Package submission is what the workflow and the submitTask activity say to each other. Nobody
// else calls that activity. The two sides can be different builds, so that both read leniently:
// unknown properties are ignored.
package submission

import (
	"encoding/json"
	"slices"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// Input is the activity's: one submission of a task. Task, LanguagePool and SoftID are
// createTask's.
type Input struct {
	// Task is the caller's JSON, byte for byte.
	Task         json.RawMessage `json:"task"`
	LanguagePool string          `json:"languagePool,omitempty"`
	SoftID       int64           `json:"softId,omitempty"`
	// Submission names this submission in the address that the service is to call.
	Submission string `json:"submission"`
	// Callback tells to give the service such an address, if the worker takes callbacks.
	Callback bool `json:"callback,omitempty"`
	// OriginalRunID is of the run that submits: a run that was reset has another run id, and submits
	// nothing.
	OriginalRunID string `json:"originalRunId"`
	// WorkflowAttempt is the workflow's: a run by a workflow's retry policy submits nothing.
	WorkflowAttempt int32 `json:"workflowAttempt"`

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

// Encode returns the input as JSON with Task byte for byte: encoding/json would take its white
// space away and write some of its characters in another way. Task must be valid JSON.
func (in Input) Encode() ([]byte, error) {
	task := in.Task
	in.Task = json.RawMessage("0") // in its place
	encoded, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	const before = `{"task":`
	rest := encoded[len(before)+len(in.Task):]
	return slices.Concat([]byte(before), task, rest), nil
}

// Output is the activity's if the task was bought.
type Output struct {
	// TaskID is createTask's answer; 0 if Result has come with it.
	TaskID int64 `json:"taskId,omitempty"`
	// Result is the task's, of a service that solves it at once.
	Result *twocaptcha.TaskResult `json:"result,omitempty"`
	// Callback tells that the service was given an address.
	Callback bool `json:"callback,omitempty"`
}

// Mark is the heartbeat of an attempt that is about to send its request, and the second of the
// details of an error that leaves the outcome unknown. An attempt that ended without one, or with
// one whose Submission is empty, has bought nothing.
type Mark struct {
	Submission string `json:"submission,omitempty"`
	// Callback tells that the service was given an address: it may tell of the task by a call.
	Callback bool `json:"callback,omitempty"`
}

// Answered is the second of the details of an error by which the service's answer has bought
// nothing, and the task is submitted again. An error without it tells of no answer.
type Answered struct {
	HTTPStatus int `json:"httpStatus"`
}

// Signal is the signal by which a workflow hears of a submission after the activity has ended.
const Signal = "taskCallback"

// Call is the payload of [Signal].
type Call struct {
	TaskID     int64  `json:"taskId,omitempty"`
	Submission string `json:"submission,omitempty"`
}
