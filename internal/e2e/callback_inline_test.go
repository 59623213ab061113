package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// submitter is a team's own code, which submits tasks: createTask is not this project's concern.
type submitter struct{ apiURL, callbackBase string }

// Submit is an activity: createTask, with an address that calls its workflow back.
func (s submitter) Submit(ctx context.Context) (taskID int64, err error) {
	address, err := callback.WorkflowURL(s.callbackBase, callbackSecret, activity.GetInfo(ctx).WorkflowExecution.ID)
	if err != nil {
		return 0, err
	}
	body, err := json.Marshal(map[string]any{
		"clientKey": clientKey, "task": map[string]any{"type": "TextCaptchaTask"}, "callbackUrl": address,
	})
	if err != nil {
		return 0, err
	}
	answer, err := http.Post(s.apiURL+"/createTask", "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var created struct{ ErrorID, TaskID int64 }
	if err := json.NewDecoder(answer.Body).Decode(&created); err != nil || created.ErrorID != 0 || created.TaskID == 0 {
		return 0, fmt.Errorf("no task was created: %+v, %w", created, err)
	}
	return created.TaskID, nil
}

// submitAndWait is a workflow that submits a task, goes about something else, and waits for the task within its own
// history.
func submitAndWait(ctx workflow.Context, busyFor time.Duration, pollQueue string) (callerResult, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var taskID int64
	if err := workflow.ExecuteActivity(ctx, submitter.Submit).Get(ctx, &taskID); err != nil {
		return callerResult{}, err
	}
	if err := workflow.Sleep(ctx, busyFor); err != nil {
		return callerResult{}, err
	}
	in := workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true, InitialDelay: time.Hour, Timeout: time.Hour}
	calledBack := workflow.GetSignalChannel(ctx, workflows.TaskCallbackSignal)
	return newCallerResult(workflows.Await(workflow.WithTaskQueue(ctx, pollQueue), in, workflows.WithWakeUp(calledBack)))
}

func TestCallbackToAWorkflowThatSubmitsItsTask(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		answer  simulator.Answer
		busyFor time.Duration
		result  callerResult
	}{
		{
			name: "called back while it waits", answer: simulator.ReadyAfter(2*time.Second, `"8"`),
			result: callerResult{Output: workflows.AwaitTaskResultOutput{Polls: 1}},
		},
		{
			name: "called back before it waits", answer: simulator.Ready(`"8"`), busyFor: time.Second,
			result: callerResult{Output: workflows.AwaitTaskResultOutput{Polls: 1}},
		},
		{
			name: "failed", answer: simulator.ErrorAfter(time.Second, "ERROR_CAPTCHA_UNSOLVABLE"),
			result: callerResult{ErrorCode: "ERROR_CAPTCHA_UNSOLVABLE"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			service := startCallbackService(t, simulator.Options{
				NewTask: func(simulator.NewTask) simulator.Submission {
					return simulator.Submission{Answers: []simulator.Answer{row.answer}}
				},
			})
			polls, callers, temporal := newTaskQueue(), newTaskQueue(), dial(t)
			_, base := startCallbackWorker(t, polls, service.URL())
			team := worker.New(temporal, callers, worker.Options{})
			team.RegisterWorkflow(submitAndWait)
			team.RegisterActivity(submitter{apiURL: service.URL(), callbackBase: base}.Submit)
			require.NoError(t, team.Start())
			t.Cleanup(team.Stop)

			options := client.StartWorkflowOptions{ID: fmt.Sprintf("order/%s of %d", row.name, newTaskID()), TaskQueue: callers}
			run, err := temporal.ExecuteWorkflow(testContext(t), options, submitAndWait, row.busyFor, polls)
			require.NoError(t, err)
			taskID := service.reserve()
			service.untilTaken(t, taskID)
			var result callerResult
			require.NoError(t, run.Get(testContext(t), &result))

			require.Equal(t, row.result.ErrorCode, result.ErrorCode)
			require.Equal(t, row.result.Output.Polls, result.Output.Polls)
			require.Len(t, service.RequestsFor(taskID), 1, "it is asked for once, when the callback has come")
			undisturbedHistory(t, temporal, run.GetID(), run.GetRunID())
		})
	}
}
