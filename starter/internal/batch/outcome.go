package batch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Outcome is what a job ended with.
type Outcome struct {
	Line      []byte          // the JSON object for standard output, with its line end
	Ready     bool            // or, without a task's result, done
	Solution  json.RawMessage // of a ready task
	ErrorCode string          // of a failed job; "" if the error has none
	Problem   string          // of a failed job: its error code, or what happened if there is none
	Polls     int             // 0 if that isn't known
	Bought    []int64         // tasks that were bought by a job which failed
}

// startedTask is what --detach prints of a task.
type startedTask struct {
	TaskID     int64  `json:"taskId,omitempty"`
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	Status     string `json:"status"` // started; attached: its workflow was started before
}

func startedLine(wait Wait) ([]byte, error) {
	started := startedTask{
		TaskID:     wait.Job.taskID(),
		WorkflowID: wait.Job.WorkflowID(),
		RunID:      wait.RunID,
		Status:     "started",
	}
	if wait.Attached {
		started.Status = "attached"
	}
	return encode(started)
}

// failedTask is what is printed of a task that failed.
type failedTask struct {
	TaskID           int64  `json:"taskId,omitempty"` // 0: none is known
	WorkflowID       string `json:"workflowId"`
	Status           string `json:"status"`
	ErrorID          int64  `json:"errorId"`
	ErrorCode        string `json:"errorCode"`
	ErrorDescription string `json:"errorDescription"`

	// Of the error's details, what applies.
	Expired   bool    `json:"expired,omitempty"`
	Polls     int     `json:"polls,omitempty"`
	LastError string  `json:"lastError,omitempty"`
	Attempts  int     `json:"attempts,omitempty"`
	TaskIDs   []int64 `json:"taskIds,omitempty"`
}

// failedOutcome prints why the job's workflow failed, in the service's own words if the error is
// the service's.
func failedOutcome(job Job, failure error, details workflows.ErrorDetails) (Outcome, error) {
	failed := failedTask{
		TaskID:     cmp.Or(job.taskID(), details.TaskID),
		WorkflowID: job.WorkflowID(),
		Status:     "failed",
		ErrorCode:  workflows.ErrorCode(failure),
		Expired:    details.Expired,
		Polls:      details.Polls,
		LastError:  details.LastError,
		Attempts:   details.Attempts,
		TaskIDs:    details.TaskIDs,
	}
	var applicationError *temporal.ApplicationError
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(failure, &applicationError):
		failed.ErrorID, failed.ErrorDescription = details.ErrorID, details.ErrorDescription
		if failed.ErrorDescription == "" || details.Expired { // the service's words leave open whether the id ever existed
			failed.ErrorDescription = applicationError.Message()
		}
	case failed.ErrorCode == workflows.Canceled:
		failed.ErrorDescription = "the workflow was canceled before " + job.result() + " was there"
	case failed.ErrorCode == workflows.Terminated:
		failed.ErrorDescription = "the workflow was terminated before " + job.result() + " was there"
	case failed.ErrorCode == workflows.TimedOut:
		failed.ErrorDescription = "the workflow ran into the timeout that it was started with, not into the task's timeout"
	case errors.As(failure, &notFound):
		failed.ErrorDescription = "the workflow was deleted before its result was read: " + failure.Error()
	default:
		failed.ErrorDescription = failure.Error()
	}
	if _, buys := job.(SolveJob); buys && failed.TaskID == 0 && failed.TaskIDs == nil &&
		(failed.ErrorCode == workflows.Terminated || failed.ErrorCode == workflows.TimedOut) {
		failed.ErrorDescription += "; a task may have been bought: the workflow's history tells"
	}
	line, err := encode(failed)
	problem := failed.ErrorCode
	if problem == "" {
		problem = failed.ErrorDescription
	}
	outcome := Outcome{Line: line, ErrorCode: failed.ErrorCode, Problem: problem, Polls: details.Polls}
	if _, buys := job.(SolveJob); buys {
		outcome.Bought = bought(details)
	}
	return outcome, err
}

// bought returns the task whose result may still come; if there is none, all that were bought.
func bought(details workflows.ErrorDetails) []int64 {
	if details.TaskID != 0 {
		return []int64{details.TaskID}
	}
	return details.TaskIDs
}

// encode writes JSON as the service does: <, > and & as they are.
func encode(value any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return line.Bytes(), err
}

// unescape returns the service's JSON as the service wrote it.
func unescape(raw json.RawMessage) json.RawMessage {
	return json.RawMessage(unescapeHTML.Replace(string(raw)))
}

// unescapeHTML undoes what Temporal's JSON converter does to the service's JSON: it writes <, > and
// & as escapes. A backslash that is escaped itself does not begin an escape.
var unescapeHTML = strings.NewReplacer(`\\`, `\\`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&")
