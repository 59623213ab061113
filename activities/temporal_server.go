package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// temporalServer is what an attempt that buys says to the Temporal server by itself, since the SDK
// says too little of how that went: it reports no error of a heartbeat, and gives a result up after
// 10 seconds.
type temporalServer interface {
	// heartbeat returns nil only if the server has the details and wants the attempt to go on.
	heartbeat(ctx context.Context, details any) error
	// complete ends the attempt with the result, or with failure if that is not nil.
	complete(ctx context.Context, result any, failure error) error
	// signal signals the attempt's workflow.
	signal(ctx context.Context, name string, payload any) error
}

// serverOf returns the attempt's server.
func serverOf(ctx context.Context, attempt activity.Info) temporalServer {
	if isTestEnvironment(attempt) {
		return testEnvironment{ctx}
	}
	return clientOf{activity.GetClient(ctx), attempt}
}

// clientOf speaks through the worker's client. It fills in what a codec or data converter may need
// to know.
type clientOf struct {
	client  client.Client
	attempt activity.Info
}

func (c clientOf) heartbeat(ctx context.Context, details any) error {
	return c.client.RecordActivityHeartbeatWithOptions(ctx, client.RecordActivityHeartbeatOptions{
		TaskToken: c.attempt.TaskToken, Details: []any{details},
		WorkflowID: c.attempt.WorkflowExecution.ID, WorkflowType: c.workflowType(),
		ActivityType: c.attempt.ActivityType.Name, TaskQueue: c.attempt.TaskQueue,
	})
}

func (c clientOf) complete(ctx context.Context, result any, failure error) error {
	return c.client.CompleteActivityWithOptions(ctx, client.CompleteActivityOptions{
		TaskToken: c.attempt.TaskToken, Result: result, Err: failure,
		WorkflowID: c.attempt.WorkflowExecution.ID, WorkflowType: c.workflowType(),
		ActivityType: c.attempt.ActivityType.Name, TaskQueue: c.attempt.TaskQueue,
	})
}

// signal goes to the workflow's current run: after a reset, that is another one than the attempt's.
func (c clientOf) signal(ctx context.Context, name string, payload any) error {
	return c.client.SignalWorkflow(ctx, c.attempt.WorkflowExecution.ID, "", name, payload)
}

func (c clientOf) workflowType() string {
	if c.attempt.WorkflowType == nil {
		return ""
	}
	return c.attempt.WorkflowType.Name
}

// testEnvironment stands in for the server in the SDK's test environments, whose client ends the
// test. There an attempt ends by what its function returns.
type testEnvironment struct{ ctx context.Context }

var errNoServer = errors.New("there is no Temporal server")

func (e testEnvironment) heartbeat(_ context.Context, details any) error {
	activity.RecordHeartbeat(e.ctx, details)
	return nil
}

func (testEnvironment) complete(context.Context, any, error) error { return errNoServer }
func (testEnvironment) signal(context.Context, string, any) error  { return errNoServer }

// isRecorded tells whether the server has a heartbeat's details. It may want the attempt to stop
// all the same.
func isRecorded(err error) bool {
	return err == nil || temporal.IsCanceledError(err) ||
		errors.Is(err, activity.ErrActivityPaused) || errors.Is(err, activity.ErrActivityReset)
}
