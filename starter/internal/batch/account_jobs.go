package batch

import (
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// BalanceJob asks for the account's balance.
type BalanceJob struct {
	ID string // unique
}

func (j BalanceJob) Label() string      { return "balance" }
func (j BalanceJob) String() string     { return "balance" }
func (j BalanceJob) WorkflowID() string { return "2captcha-balance-" + j.ID }
func (j BalanceJob) taskID() int64      { return 0 }
func (j BalanceJob) result() string     { return "the balance" }

func (j BalanceJob) start() (client.StartWorkflowOptions, string, []any, error) {
	options := client.StartWorkflowOptions{ID: j.WorkflowID(), StaticSummary: "2captcha: the account's balance"}
	return options, workflows.CheckAccountWorkflow, nil, nil
}

func (j BalanceJob) read(get func(any) error) (Outcome, error) {
	var output workflows.CheckAccountOutput
	if err := get(&output); err != nil {
		return Outcome{}, err
	}
	line, err := encode(struct {
		workflows.CheckAccountOutput
		WorkflowID string `json:"workflowId"`
	}{output, j.WorkflowID()})
	return Outcome{Line: line, Ready: true}, err
}

// ReportJob reports whether a task's solution was right.
type ReportJob struct {
	Input workflows.ReportTaskInput
}

func (j ReportJob) Label() string      { return taskLabel(j.Input.TaskID) }
func (j ReportJob) String() string     { return "task " + j.Label() }
func (j ReportJob) WorkflowID() string { return workflows.ReportWorkflowID(j.Input.TaskID) }
func (j ReportJob) taskID() int64      { return j.Input.TaskID }
func (j ReportJob) result() string     { return "the service's answer" }

func (j ReportJob) start() (client.StartWorkflowOptions, string, []any, error) {
	return workflows.ReportOptions(j.Input.TaskID), workflows.ReportTaskWorkflow, []any{j.Input}, nil
}

func (j ReportJob) read(get func(any) error) (Outcome, error) {
	var output workflows.ReportTaskOutput
	if err := get(&output); err != nil {
		return Outcome{}, err
	}
	line, err := encode(struct {
		workflows.ReportTaskOutput
		WorkflowID string `json:"workflowId"`
	}{output, j.WorkflowID()})
	return Outcome{Line: line, Ready: true}, err
}
