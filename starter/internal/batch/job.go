package batch

import (
	"fmt"
	"strconv"

	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Job is what one workflow of a batch does.
type Job interface {
	// Label is what the job is listed by, such as a task's id.
	Label() string
	// String is what messages call the job, such as "task 5".
	String() string
	// WorkflowID is the id of the job's workflow.
	WorkflowID() string

	// start returns how the workflow is started. An error ends the batch.
	start() (options client.StartWorkflowOptions, workflowType string, arguments []any, err error)
	// read reads the workflow's result by get, whose errors it returns.
	read(get func(result any) error) (Outcome, error)
	// taskID is the job's task; 0 if it has none, or has to submit it.
	taskID() int64
	// result is what messages call what the workflow returns.
	result() string
}

// AwaitJob waits for the result of a task that was submitted elsewhere.
type AwaitJob struct {
	Input workflows.AwaitTaskResultInput
}

func (j AwaitJob) Label() string      { return taskLabel(j.Input.TaskID) }
func (j AwaitJob) String() string     { return "task " + j.Label() }
func (j AwaitJob) WorkflowID() string { return workflows.WorkflowID(j.Input.TaskID) }
func (j AwaitJob) taskID() int64      { return j.Input.TaskID }
func (j AwaitJob) result() string     { return "the task's result" }

func (j AwaitJob) start() (client.StartWorkflowOptions, string, []any, error) {
	return workflows.StartOptions(j.Input.TaskID), workflows.AwaitTaskResultWorkflow, []any{j.Input}, nil
}

func (j AwaitJob) read(get func(any) error) (Outcome, error) {
	var output workflows.AwaitTaskResultOutput
	if err := get(&output); err != nil {
		return Outcome{}, err
	}
	if output.TaskID != j.Input.TaskID {
		return Outcome{}, fmt.Errorf("the workflow %s does not wait for this task", j.WorkflowID())
	}
	output.Solution = unescape(output.Solution)
	line, err := encode(struct {
		workflows.AwaitTaskResultOutput
		WorkflowID string `json:"workflowId"`
	}{output, j.WorkflowID()})
	return Outcome{Line: line, Ready: true, Solution: output.Solution, Polls: output.Polls}, err
}

func taskLabel(taskID int64) string { return strconv.FormatInt(taskID, 10) }
