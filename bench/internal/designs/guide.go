package designs

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The designs of Temporal's polling guide (https://docs.temporal.io/design-patterns/polling) are
// written from what the guide describes. Their first delay is a start delay, which costs neither an
// event nor an action. The plain loop is here to be compared with them.

const (
	guideActivity  = "guidePoll"
	guideInterval  = 5 * time.Second // as often as the service permits
	requestTimeout = 20 * time.Second
	// heartbeatTimeout is as long as a request may take: the guide's two intervals would be
	// shorter. The SDK sends one heartbeat in 80 % of it at most, the first at once.
	heartbeatTimeout = 3 * guideInterval
	childPolls       = 10 // before the child continues as new, as in the guide

	// plainLoopInterval is the service's official clients' own, before the first poll too: see
	// PollingInterval and WaitForResult in https://github.com/2captcha/2captcha-go.
	plainLoopInterval = 10 * time.Second
)

// guide completes a design of the guide, which polls by this activity, in a workflow of the
// design's name or in its children.
func guide(design Design, poll func(context.Context, *twocaptcha.Client, int64) (Result, error), definition any,
	children ...any) Design {
	design.SlowestInterval = guideInterval
	design.Start = func(ctx context.Context, temporalClient client.Client, task Task) (client.WorkflowRun, error) {
		options := client.StartWorkflowOptions{StartDelay: firstDelay} // its id is random
		return temporalClient.ExecuteWorkflow(ctx, options, design.Name, task.ID)
	}
	design.Register = func(registry worker.Registry, service *twocaptcha.Client) {
		registry.RegisterWorkflowWithOptions(definition, workflow.RegisterOptions{Name: design.Name})
		for _, child := range children {
			registry.RegisterWorkflow(child)
		}
		registry.RegisterActivityWithOptions(func(ctx context.Context, taskID int64) (Result, error) {
			return poll(ctx, service, taskID)
		}, activity.RegisterOptions{Name: guideActivity})
	}
	return design
}

// oneActivity is a workflow with one activity, which lasts until the task is ready.
func oneActivity(options workflow.ActivityOptions) func(workflow.Context, int64) (Result, error) {
	return func(ctx workflow.Context, taskID int64) (Result, error) { return runActivity(ctx, options, taskID) }
}

func runActivity(ctx workflow.Context, options workflow.ActivityOptions, taskID int64) (result Result, err error) {
	options.RetryPolicy = &temporal.RetryPolicy{InitialInterval: guideInterval, BackoffCoefficient: 1}
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), guideActivity, taskID).Get(ctx, &result)
	return result, err
}

// childParent is a workflow whose child polls.
func childParent(ctx workflow.Context, taskID int64) (result Result, err error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowExecutionTimeout: WaitTimeout})
	err = workflow.ExecuteChildWorkflow(ctx, childPolling, taskID).Get(ctx, &result)
	return result, err
}

// childPolling polls by an activity, sleeps, and continues as new after some rounds.
func childPolling(ctx workflow.Context, taskID int64) (Result, error) {
	for range childPolls {
		result, err := runActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: requestTimeout}, taskID)
		if err != nil || result.Solution != nil {
			return result, err
		}
		if err := workflow.Sleep(ctx, guideInterval); err != nil {
			return Result{}, err
		}
	}
	return Result{}, workflow.NewContinueAsNewError(ctx, childPolling, taskID)
}

// poll sends one request. An error of the service is not retryable, any other is.
func poll(ctx context.Context, service *twocaptcha.Client, taskID int64) (Result, error) {
	answer, err := service.GetTaskResult(ctx, taskID)
	if refusal := new(twocaptcha.ServiceError); errors.As(err, &refusal) {
		return Result{}, temporal.NewNonRetryableApplicationError(refusal.Error(), refusal.Code, nil)
	}
	if err != nil || answer.Status != twocaptcha.StatusReady {
		return Result{}, err
	}
	return Result{Solution: answer.Solution}, nil
}

// pollOrFail is retried until the task is ready.
func pollOrFail(ctx context.Context, service *twocaptcha.Client, taskID int64) (Result, error) {
	result, err := poll(ctx, service, taskID)
	if err == nil && result.Solution == nil {
		err = temporal.NewApplicationErrorWithOptions("not ready", "NotReady",
			temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	return result, err
}

// pollInALoop heartbeats on every round.
func pollInALoop(ctx context.Context, service *twocaptcha.Client, taskID int64) (Result, error) {
	for {
		activity.RecordHeartbeat(ctx)
		result, err := poll(ctx, service, taskID)
		if err != nil || result.Solution != nil {
			return result, err
		}
		select {
		case <-ctx.Done():
			return Result{}, ctx.Err()
		case <-time.After(guideInterval):
		}
	}
}

// PlainLoop polls until the task is ready or the service says that it won't be. If the process
// ends, so does the wait.
func PlainLoop(service *twocaptcha.Client, taskID int64) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), WaitTimeout)
	defer cancel()
	for {
		time.Sleep(plainLoopInterval)
		result, err := poll(ctx, service, taskID)
		if refusal := new(temporal.ApplicationError); result.Solution != nil || errors.As(err, &refusal) || ctx.Err() != nil {
			return result.Solution, err
		}
	}
}
