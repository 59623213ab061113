package batch

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// boughtTimeout bounds the question what a workflow that says nothing of money has bought.
const boughtTimeout = 5 * time.Second

// SolveJob submits a task, and waits for its result.
type SolveJob struct {
	// ID is the user's: it is bought for once.
	ID    string
	Input workflows.SolveTaskInput
}

func (j SolveJob) Label() string      { return j.ID }
func (j SolveJob) String() string     { return "solve " + j.ID }
func (j SolveJob) WorkflowID() string { return workflows.SolveWorkflowID(j.ID) }
func (j SolveJob) taskID() int64      { return 0 }
func (j SolveJob) result() string     { return "the task's result" }

func (j SolveJob) start() (client.StartWorkflowOptions, string, []any, error) {
	input, err := j.Input.RawValue() // which keeps the task byte for byte
	return workflows.SolveOptions(j.ID), workflows.SolveTaskWorkflow, []any{input}, err
}

func (j SolveJob) read(get func(any) error) (Outcome, error) {
	var output workflows.SolveTaskOutput
	if err := get(&output); err != nil {
		return Outcome{}, err
	}
	output.Solution = unescape(output.Solution)
	line, err := encode(struct {
		workflows.SolveTaskOutput
		WorkflowID string `json:"workflowId"`
	}{output, j.WorkflowID()})
	return Outcome{Line: line, Ready: true, Solution: output.Solution, Polls: output.Polls}, err
}

// detailsOf returns the details of a failure of the job. A workflow that was terminated, or ran
// into a timeout, has none, but it still answers the query for its status.
func (s Server) detailsOf(ctx context.Context, job Job, failure error) workflows.ErrorDetails {
	details, found := workflows.Details(failure)
	code := workflows.ErrorCode(failure)
	if _, buys := job.(SolveJob); found || !buys || code != workflows.Terminated && code != workflows.TimedOut {
		return details
	}
	ctx, cancel := context.WithTimeout(ctx, boughtTimeout)
	defer cancel()
	answer, err := s.Client.QueryWorkflow(ctx, job.WorkflowID(), "", workflows.StatusQuery)
	if err != nil {
		return details // no worker answers: nobody knows
	}
	var status workflows.SolveTaskStatus
	if answer.Get(&status) == nil {
		details.TaskID, details.TaskIDs, details.Attempts = status.TaskID, status.TaskIDs, status.Attempts
		details.Polls, details.LastError = status.Polls, status.LastError
	}
	return details
}
