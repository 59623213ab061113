package twocaptcha

import (
	"context"
	"encoding/json"
	"slices"
)

// The statuses of a task.
const (
	StatusProcessing = "processing"
	StatusReady      = "ready"
)

// TaskResult is the service's answer on a task, with its JSON names. What the service left out is
// left out. A property beyond status and solution whose type nobody can use counts as left out.
type TaskResult struct {
	// Status is StatusProcessing or StatusReady.
	Status string `json:"status"`
	// Solution is the JSON value that the service gave, an object for most task types, a string for
	// some, never null. It is left out (nil in Go) while the task is processing. Invalid UTF-8 in it
	// is replaced by U+FFFD. A client key of 8 characters or more is replaced by "[client key]" in its
	// strings, in any case.
	Solution json.RawMessage `json:"solution,omitempty"`
	// Cost is what was charged, as the decimal that the service wrote; it is left out ("" in Go) if
	// the service said nothing.
	Cost string `json:"cost,omitempty"`
	// IP is the address that submitted the task.
	IP string `json:"ip,omitempty"`
	// CreateTime is when the task was submitted, in Unix seconds.
	CreateTime *int64 `json:"createTime,omitempty"`
	// EndTime is when the task was completed, in Unix seconds.
	EndTime *int64 `json:"endTime,omitempty"`
	// SolveCount is how many workers tried.
	SolveCount *int64 `json:"solveCount,omitempty"`
}

// GetTaskResult asks once for the task's result. Its status is [StatusProcessing] or [StatusReady].
// The error, if any, is a [*ServiceError] or a [*TransportError]. The request is not sent after
// ctx's deadline, even if the process was stopped meanwhile.
//
// https://2captcha.com/api-docs/get-task-result
func (c *Client) GetTaskResult(ctx context.Context, taskID int64) (*TaskResult, error) {
	return call(ctx, c, request{method: "getTaskResult", taskID: taskID, body: keyAndTask(taskID)}, readTaskResult)
}

// statusIdle is what some relatives of the service say of a task that nobody has taken yet.
const statusIdle = "idle"

// notReadyCodes are the codes by which relatives and version 1 of the service say that a task is
// processing.
var notReadyCodes = []string{"CAPCHA_NOT_READY", "CAPTCHA_NOT_READY"}

func readTaskResult(properties object, hidden secrets) reading[TaskResult] {
	status, solution := properties.text("status"), properties["solution"]
	ready := status == StatusReady && solution != nil
	errorID, usable := properties.integer("errorId")
	paid := ready && usable && errorID == 0
	switch {
	case !paid && slices.Contains(notReadyCodes, properties.code()):
		return reading[TaskResult]{result: TaskResult{Status: StatusProcessing}, isTheCode: true}
	case status == statusIdle:
		return reading[TaskResult]{result: TaskResult{Status: StatusProcessing}}
	case status == "":
		return reading[TaskResult]{oddity: "no status"}
	case status == StatusReady && !ready:
		return reading[TaskResult]{oddity: "ready without a solution"}
	case status != StatusReady && status != StatusProcessing:
		return reading[TaskResult]{oddity: `status "` + untrusted(status, hidden, maxExcerpt) + `"`}
	}
	result := TaskResult{
		Status:     status,
		Cost:       properties.short("cost", hidden),
		IP:         properties.short("ip", hidden),
		CreateTime: properties.optionalInteger("createTime"),
		EndTime:    properties.optionalInteger("endTime"),
		SolveCount: properties.optionalInteger("solveCount"),
	}
	if ready {
		result.Solution = solutionWithoutKeys(solution, hidden.keys)
	}
	return reading[TaskResult]{result: result, outranksErrors: paid}
}
