// Package designs has the ways to wait for the results of tasks that the benchmark compares.
package designs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	WaitTimeout = 15 * time.Minute // of a wait in all: as long as the service keeps a result

	firstDelay    = 5 * time.Second          // from a task's submission to the first poll
	slowestOfOurs = 10500 * time.Millisecond // the default interval's 10 s, and 5 % of jitter on average
)

// Design is one way to wait for the results of tasks.
type Design struct {
	Name            string
	Note            string        // what a reader of its figures should know
	Ours            bool          // this project's
	Callbacks       bool          // its tasks are submitted with an address that the service calls
	Submits         bool          // its workflow submits the task
	SlowestInterval time.Duration // between two polls of a wait that has gone on for long
	ContinuesAsNew  bool          // a history begins anew before it reaches the server's limit

	// Start starts a task's workflow, which returns a Result; nil: the design is PlainLoop. The
	// client chooses the task queue.
	Start func(ctx context.Context, temporalClient client.Client, task Task) (client.WorkflowRun, error)
	// Register has a worker serve the design; nil: the worker has this project's provider.
	Register func(registry worker.Registry, service *twocaptcha.Client)
}

// Task is a task that a workflow waits for and, if it submits the task, what the service gets.
type Task struct {
	ID        int64         `json:"-"` // 0 if the workflow submits it
	Type      string        `json:"type"`
	SolveTime time.Duration `json:"solveTime"`
}

// Result is what the workflows of all designs return, among other things.
type Result struct {
	TaskID   int64           `json:"taskId,omitempty"`   // of a design that submits
	Solution json.RawMessage `json:"solution,omitempty"` // missing: not ready
}

// All returns the designs in the order of the table.
func All() []Design {
	return []Design{
		ours(Design{
			Name: "timer", SlowestInterval: slowestOfOurs, ContinuesAsNew: true,
			Note: "ours, by default: a durable timer before each poll; the interval grows from 5 to 10 s with the time waited",
		}, workflows.AwaitTaskResultInput{InitialDelay: firstDelay}),
		ours(Design{
			Name: "callback", Callbacks: true, SlowestInterval: 6 * slowestOfOurs, ContinuesAsNew: true,
			Note: "ours, with callbacks: the service's call wakes the wait; polls, from 60 s on, are a fallback",
		}, workflows.AwaitTaskResultInput{InitialDelay: time.Minute, Callback: true}),
		ours(Design{
			Name: "activityRetry", SlowestInterval: slowestOfOurs,
			Note: "ours, economy mode: one timer for the first delay, then one activity whose attempts are the polls, " +
				"by timer's schedule",
		}, workflows.AwaitTaskResultInput{InitialDelay: firstDelay, Polling: workflows.PollingActivityRetry}),
		{
			Name: "solve", Ours: true, Callbacks: true, Submits: true, SlowestInterval: 6 * slowestOfOurs, ContinuesAsNew: true,
			Note: "ours, the whole life of a task: SolveTask by default, on a worker that takes callbacks; it submits the task, " +
				"which costs events, actions and CPU time that the other designs don't have",
			Start: solve,
		},
		guide(Design{
			Name: "retry-guide",
			Note: "Temporal's guide, infrequent polling: an activity that fails until the task is ready, retried every 5 s",
		}, pollOrFail, oneActivity(workflow.ActivityOptions{StartToCloseTimeout: requestTimeout, ScheduleToCloseTimeout: WaitTimeout})),
		guide(Design{
			Name: "heartbeat-guide",
			Note: "Temporal's guide, frequent polling: a loop in an activity, every 5 s, with heartbeats, which are in its actions; " +
				"it holds an activity slot of its worker all the while",
		}, pollInALoop, oneActivity(workflow.ActivityOptions{StartToCloseTimeout: WaitTimeout, HeartbeatTimeout: heartbeatTimeout})),
		guide(Design{
			Name: "child-guide", ContinuesAsNew: true,
			Note: "Temporal's guide, periodic sequence: a child workflow that polls every 5 s by an activity and a timer, " +
				"and continues as new after 10 polls",
		}, poll, childParent, childPolling),
		{
			Name: "plain-loop", SlowestInterval: plainLoopInterval,
			Note: "the official clients' way, without Temporal: a loop in memory, every 10 s; a crash or a deployment loses all " +
				"waits of the process, and this run has neither",
		},
	}
}

// Named returns the design of that name. An error lists those that there are.
func Named(name string) (Design, error) {
	var names []string
	for _, design := range All() {
		if design.Name == name {
			return design, nil
		}
		names = append(names, design.Name)
	}
	return Design{}, fmt.Errorf("the designs are %s", strings.Join(names, ", "))
}

// ours completes a design that is this project's workflow with this input.
func ours(design Design, input workflows.AwaitTaskResultInput) Design {
	design.Ours = true
	design.Start = func(ctx context.Context, temporalClient client.Client, task Task) (client.WorkflowRun, error) {
		return StartOurs(ctx, temporalClient, task.ID, input)
	}
	return design
}

// StartOurs starts this project's workflow for a task.
func StartOurs(ctx context.Context, temporalClient client.Client, taskID int64,
	input workflows.AwaitTaskResultInput) (client.WorkflowRun, error) {
	input.TaskID = taskID
	return temporalClient.ExecuteWorkflow(ctx, workflows.StartOptions(taskID), workflows.AwaitTaskResultWorkflow, input)
}

// solve starts SolveTask with its defaults.
func solve(ctx context.Context, temporalClient client.Client, task Task) (client.WorkflowRun, error) {
	task.Type = "TextCaptchaTask"
	toSubmit, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	input, err := workflows.SolveTaskInput{Task: toSubmit}.RawValue()
	if err != nil {
		return nil, err
	}
	return temporalClient.ExecuteWorkflow(ctx, workflows.SolveOptions(rand.Text()), workflows.SolveTaskWorkflow, input)
}
