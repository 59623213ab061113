package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Outcome is what a task's wait ended with.
type Outcome struct {
	Line      []byte // the JSON object for standard output, with its line end
	Ready     bool
	Solution  json.RawMessage // of a ready task
	ErrorCode string          // of a failed task; "" if the error has none
	Problem   string          // of a failed task: its error code, or what happened if there is none
	Polls     int             // 0 if that isn't known
}

// newOutcome tells the user what a workflow returned, or the error that it ended with.
func newOutcome(taskID int64, output workflows.AwaitTaskResultOutput, failure error) (Outcome, error) {
	if failure == nil && output.TaskID != taskID {
		failure = fmt.Errorf("the workflow %s does not wait for this task", workflows.WorkflowID(taskID))
	}
	if failure != nil {
		return failedOutcome(taskID, failure)
	}
	return readyOutcome(taskID, output)
}

// startedTask is what --detach prints of a task.
type startedTask struct {
	TaskID     int64  `json:"taskId"`
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Status     string `json:"status"` // started; attached: its workflow was started before
}

func startedLine(wait Wait) ([]byte, error) {
	started := startedTask{
		TaskID:     wait.TaskID,
		WorkflowID: workflows.WorkflowID(wait.TaskID),
		RunID:      wait.RunID,
		Status:     "started",
	}
	if wait.Attached {
		started.Status = "attached"
	}
	return encode(started)
}

// readyTask is what is printed of a task that is ready.
type readyTask struct {
	workflows.AwaitTaskResultOutput
	WorkflowID string `json:"workflowId"`
}

// failedTask is what is printed of a task that failed.
type failedTask struct {
	TaskID           int64  `json:"taskId"`
	WorkflowID       string `json:"workflowId"`
	Status           string `json:"status"`
	ErrorID          int64  `json:"errorId"`
	ErrorCode        string `json:"errorCode"`
	ErrorDescription string `json:"errorDescription"`

	// Of the error's details, what applies.
	Expired   bool   `json:"expired,omitempty"`
	Polls     int    `json:"polls,omitempty"`
	LastError string `json:"lastError,omitempty"`
}

// readyOutcome prints every property of the workflow's result, and the workflow's id.
func readyOutcome(taskID int64, output workflows.AwaitTaskResultOutput) (Outcome, error) {
	output.Solution = json.RawMessage(unescapeHTML.Replace(string(output.Solution)))
	line, err := encode(readyTask{AwaitTaskResultOutput: output, WorkflowID: workflows.WorkflowID(taskID)})
	return Outcome{Line: line, Ready: true, Solution: output.Solution, Polls: output.Polls}, err
}

// failedOutcome prints why the task's workflow failed, in the service's own words if the error is
// the service's.
func failedOutcome(taskID int64, failure error) (Outcome, error) {
	failed := failedTask{
		TaskID:     taskID,
		WorkflowID: workflows.WorkflowID(taskID),
		Status:     "failed",
		ErrorCode:  workflows.ErrorCode(failure),
	}
	details, _ := workflows.Details(failure)
	failed.Expired, failed.Polls, failed.LastError = details.Expired, details.Polls, details.LastError
	var applicationError *temporal.ApplicationError
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(failure, &applicationError):
		failed.ErrorID, failed.ErrorDescription = details.ErrorID, details.ErrorDescription
		if failed.ErrorDescription == "" || details.Expired { // the service's words leave open whether the id ever existed
			failed.ErrorDescription = applicationError.Message()
		}
	case failed.ErrorCode == workflows.Canceled:
		failed.ErrorDescription = "the workflow was canceled before the task's result was there"
	case failed.ErrorCode == workflows.Terminated:
		failed.ErrorDescription = "the workflow was terminated before the task's result was there"
	case failed.ErrorCode == workflows.TimedOut:
		failed.ErrorDescription = "the workflow ran into the timeout that it was started with, not into the task's timeout"
	case errors.As(failure, &notFound):
		failed.ErrorDescription = "the workflow was deleted before its result was read: " + failure.Error()
	default:
		failed.ErrorDescription = failure.Error()
	}
	line, err := encode(failed)
	problem := failed.ErrorCode
	if problem == "" {
		problem = failed.ErrorDescription
	}
	return Outcome{Line: line, ErrorCode: failed.ErrorCode, Problem: problem, Polls: details.Polls}, err
}

// encode writes JSON as the service does: <, > and & as they are.
func encode(value any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return line.Bytes(), err
}

// unescapeHTML undoes what Temporal's JSON converter does to the service's JSON: it writes <, > and
// & as escapes. A backslash that is escaped itself does not begin an escape.
var unescapeHTML = strings.NewReplacer(`\\`, `\\`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&")
