package main

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

// outcome is what a task's wait ended with.
type outcome struct {
	line      []byte // the JSON object for standard output, with its line end
	ready     bool
	solution  json.RawMessage // of a ready task
	errorCode string          // of a failed one, "" where the error has none
	problem   string          // of a failed one: its error code, or what happened where there is none
	polls     int             // 0 where that isn't known
}

// newOutcome is what a workflow's output, or the error that it ended with, is to the user.
func newOutcome(taskID int64, output workflows.AwaitTaskResultOutput, failure error) (outcome, error) {
	if failure == nil && output.TaskID != taskID {
		failure = fmt.Errorf("the workflow %s is not one that waits for this task", workflows.WorkflowID(taskID))
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

func startedLine(wait *wait) ([]byte, error) {
	started := startedTask{
		TaskID:     wait.taskID,
		WorkflowID: workflows.WorkflowID(wait.taskID),
		RunID:      wait.runID,
		Status:     "started",
	}
	if wait.attached {
		started.Status = "attached"
	}
	return encode(started)
}

// readyTask is what is printed of a task that is ready.
type readyTask struct {
	workflows.AwaitTaskResultOutput
	WorkflowID string `json:"workflowId"`
}

// failedTask is what is printed of a task that failed. Every property is always there.
type failedTask struct {
	TaskID           int64  `json:"taskId"`
	WorkflowID       string `json:"workflowId"`
	Status           string `json:"status"`
	ErrorID          int64  `json:"errorId"`
	ErrorCode        string `json:"errorCode"`
	ErrorDescription string `json:"errorDescription"`
}

// readyOutcome prints every property of the workflow's result, and the workflow's id.
func readyOutcome(taskID int64, output workflows.AwaitTaskResultOutput) (outcome, error) {
	output.Solution = json.RawMessage(unescapeHTML.Replace(string(output.Solution)))
	line, err := encode(readyTask{AwaitTaskResultOutput: output, WorkflowID: workflows.WorkflowID(taskID)})
	return outcome{line: line, ready: true, solution: output.Solution, polls: output.Polls}, err
}

// failedOutcome prints why the task's workflow failed, in the service's own words where it was the service's error.
func failedOutcome(taskID int64, failure error) (outcome, error) {
	failed := failedTask{
		TaskID:     taskID,
		WorkflowID: workflows.WorkflowID(taskID),
		Status:     "failed",
		ErrorCode:  workflows.ErrorCode(failure),
	}
	var details workflows.ErrorDetails
	var applicationError *temporal.ApplicationError
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(failure, &applicationError):
		if applicationError.HasDetails() && applicationError.Details(&details) == nil {
			failed.ErrorID, failed.ErrorDescription = details.ErrorID, details.ErrorDescription
		}
		if failed.ErrorDescription == "" || details.Expired { // the service's words leave open whether the id ever was
			failed.ErrorDescription = applicationError.Message()
		}
	case failed.ErrorCode == workflows.Canceled:
		failed.ErrorDescription = "the workflow was canceled before the task's result was there"
	case failed.ErrorCode == workflows.Terminated:
		failed.ErrorDescription = "the workflow was terminated before the task's result was there"
	case failed.ErrorCode == workflows.TimedOut:
		failed.ErrorDescription = "the workflow ran into the timeout that it was started with, not into the task's"
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
	return outcome{line: line, errorCode: failed.ErrorCode, problem: problem, polls: details.Polls}, err
}

// encode writes JSON as the service does: <, > and & as they are.
func encode(value any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return line.Bytes(), err
}

// unescapeHTML undoes what Temporal's JSON converter does to the service's JSON: it writes <, > and & as escapes. A
// backslash that is escaped itself begins none.
var unescapeHTML = strings.NewReplacer(`\\`, `\\`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&")
