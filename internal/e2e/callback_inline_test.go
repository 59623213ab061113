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
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// submitter is a team's own code, which calls createTask itself.
type submitter struct{ apiURL, callbackBase string }

// Submit is an activity: createTask, with an address that calls its workflow back.
func (s submitter) Submit(ctx context.Context) (taskID int64, err error) {
	address, err := callback.WorkflowURL(s.callbackBase, harness.CallbackSecret,
		activity.GetInfo(ctx).WorkflowExecution.ID)
	if err != nil {
		return 0, err
	}
	body, err := json.Marshal(map[string]any{
		"clientKey": harness.ClientKey, "task": map[string]any{"type": "TextCaptchaTask"}, "callbackUrl": address,
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

// submitAndWait submits a task, does something else, and waits for the task within its own history.
func submitAndWait(ctx workflow.Context, busyFor time.Duration, pollQueue string) (harness.CallerResult, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var taskID int64
	if err := workflow.ExecuteActivity(ctx, submitter.Submit).Get(ctx, &taskID); err != nil {
		return harness.CallerResult{}, err
	}
	if err := workflow.Sleep(ctx, busyFor); err != nil {
		return harness.CallerResult{}, err
	}
	in := workflows.AwaitTaskResultInput{TaskID: taskID, Callback: true, InitialDelay: time.Hour, Timeout: time.Hour}
	return harness.NewCallerResult(workflows.Await(workflow.WithTaskQueue(ctx, pollQueue), in,
		workflows.WithCallbacks(workflows.NewCallbacks(ctx))))
}

func TestCallbackToAWorkflowThatSubmitsItsTask(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		answer  simulator.Answer
		busyFor time.Duration
		result  harness.CallerResult
	}{
		{
			name: "called back while it waits", answer: simulator.ReadyAfter(2*time.Second, `"8"`),
			result: harness.CallerResult{Output: workflows.AwaitTaskResultOutput{Polls: 1}},
		},
		{
			name: "called back before it waits", answer: simulator.Ready(`"8"`), busyFor: time.Second,
			result: harness.CallerResult{Output: workflows.AwaitTaskResultOutput{Polls: 1}},
		},
		{
			name: "failed", answer: simulator.ErrorAfter(time.Second, "ERROR_CAPTCHA_UNSOLVABLE"),
			result: harness.CallerResult{ErrorCode: "ERROR_CAPTCHA_UNSOLVABLE"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			service := harness.StartCallbackService(t, simulator.Options{
				NewTask: func(simulator.NewTask) simulator.Submission {
					return simulator.Submission{Answers: []simulator.Answer{row.answer}}
				},
			})
			polls, callers, temporalClient := harness.NewTaskQueue(), harness.NewTaskQueue(), harness.Dial(t)
			_, base := harness.StartCallbackWorker(t, polls, service.URL())
			team := worker.New(temporalClient, callers, worker.Options{})
			team.RegisterWorkflow(submitAndWait)
			team.RegisterActivity(submitter{apiURL: service.URL(), callbackBase: base}.Submit)
			require.NoError(t, team.Start())
			t.Cleanup(team.Stop)

			options := client.StartWorkflowOptions{
				ID: fmt.Sprintf("order/%s of %d", row.name, harness.NewTaskID()), TaskQueue: callers,
			}
			run, err := temporalClient.ExecuteWorkflow(harness.Context(t), options, submitAndWait, row.busyFor, polls)
			require.NoError(t, err)
			taskID := service.Reserve()
			service.UntilTaken(t, taskID)
			var result harness.CallerResult
			require.NoError(t, run.Get(harness.Context(t), &result))

			require.Equal(t, row.result.ErrorCode, result.ErrorCode)
			require.Equal(t, row.result.Output.Polls, result.Output.Polls)
			require.Len(t, service.RequestsFor(taskID), 1, "it is asked for once, when the callback has come")
			harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
		})
	}
}
