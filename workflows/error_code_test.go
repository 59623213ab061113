package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestErrorCode(t *testing.T) {
	t.Parallel()
	received := temporal.GetDefaultFailureConverter().FailureToError // from a server
	unsolvable := temporal.NewNonRetryableApplicationError("workers could not", "ERROR_CAPTCHA_UNSOLVABLE", nil)
	unsolvableFailure := &failurepb.Failure{Message: "workers could not", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
		ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "ERROR_CAPTCHA_UNSOLVABLE", NonRetryable: true}}}
	timeoutFailure := &failurepb.Failure{Cause: unsolvableFailure, FailureInfo: &failurepb.Failure_TimeoutFailureInfo{
		TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: enumspb.TIMEOUT_TYPE_START_TO_CLOSE}}}
	canceledFailure := &failurepb.Failure{FailureInfo: &failurepb.Failure_CanceledFailureInfo{
		CanceledFailureInfo: &failurepb.CanceledFailureInfo{}}}
	terminatedFailure := &failurepb.Failure{FailureInfo: &failurepb.Failure_TerminatedFailureInfo{
		TerminatedFailureInfo: &failurepb.TerminatedFailureInfo{}}}
	fromActivity := func(cause *failurepb.Failure) error {
		return received(&failurepb.Failure{Cause: cause, FailureInfo: &failurepb.Failure_ActivityFailureInfo{
			ActivityFailureInfo: &failurepb.ActivityFailureInfo{}}})
	}
	fromChild := func(cause *failurepb.Failure) error {
		return received(&failurepb.Failure{Cause: cause, FailureInfo: &failurepb.Failure_ChildWorkflowExecutionFailureInfo{
			ChildWorkflowExecutionFailureInfo: &failurepb.ChildWorkflowExecutionFailureInfo{}}})
	}
	application := func(errorType string, cause *failurepb.Failure) *failurepb.Failure {
		return &failurepb.Failure{Cause: cause, FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: errorType, NonRetryable: true}}}
	}
	handlerFailure := func(cause *failurepb.Failure) *failurepb.Failure {
		return &failurepb.Failure{Message: "refused", Cause: cause, FailureInfo: &failurepb.Failure_NexusHandlerFailureInfo{
			NexusHandlerFailureInfo: &failurepb.NexusHandlerFailureInfo{Type: "BAD_REQUEST"}}}
	}
	fromOperation := func(cause *failurepb.Failure) error {
		return received(&failurepb.Failure{Cause: cause, FailureInfo: &failurepb.Failure_NexusOperationExecutionFailureInfo{
			NexusOperationExecutionFailureInfo: &failurepb.NexusOperationFailureInfo{
				Endpoint: "endpoint", Service: "2captcha", Operation: "awaitTaskResult"}}})
	}
	childFailure := &failurepb.Failure{Cause: unsolvableFailure, FailureInfo: &failurepb.Failure_ChildWorkflowExecutionFailureInfo{
		ChildWorkflowExecutionFailureInfo: &failurepb.ChildWorkflowExecutionFailureInfo{}}}
	running := serviceerror.NewWorkflowExecutionAlreadyStarted("running", "", "")
	childRunning := new(temporal.ChildWorkflowExecutionAlreadyStartedError)
	for name, test := range map[string]struct {
		err  error
		code string
	}{
		"nil":                              {nil, ""},
		"any":                              {errors.New("any"), ""},
		"joined, of none":                  {errors.Join(errors.New("any"), errors.New("other")), ""},
		"deadline of the caller's":         {context.DeadlineExceeded, ""},
		"cancellation of the caller's":     {context.Canceled, ""},
		"no such workflow":                 {serviceerror.NewNotFound("no such workflow"), ""},
		"server unreachable":               {serviceerror.NewUnavailable("unreachable"), ""},
		"application error":                {unsolvable, "ERROR_CAPTCHA_UNSOLVABLE"},
		"wrapped":                          {fmt.Errorf("task 5: %w", fmt.Errorf("wait: %w", unsolvable)), "ERROR_CAPTCHA_UNSOLVABLE"},
		"joined":                           {errors.Join(errors.New("any"), unsolvable), "ERROR_CAPTCHA_UNSOLVABLE"},
		"wrapped with another":             {fmt.Errorf("%w: %w", errors.New("any"), unsolvable), "ERROR_CAPTCHA_UNSOLVABLE"},
		"outermost of two":                 {temporal.NewApplicationErrorWithCause("odd", "Odd", unsolvable), "Odd"},
		"canceled":                         {temporal.NewCanceledError(), workflows.Canceled},
		"already running, to a client":     {running, workflows.AlreadyRunning},
		"already running, wrapped":         {fmt.Errorf("start: %w", running), workflows.AlreadyRunning},
		"already running, to a parent":     {childRunning, workflows.AlreadyRunning},
		"already running, wrapped, to one": {fmt.Errorf("start: %w", childRunning), workflows.AlreadyRunning},
		"failed activity":                  {fromActivity(unsolvableFailure), "ERROR_CAPTCHA_UNSOLVABLE"},
		"activity that timed out":          {fromActivity(timeoutFailure), workflows.TimedOut},
		"activity without a cause":         {fromActivity(nil), ""},
		"failed child":                     {fromChild(unsolvableFailure), "ERROR_CAPTCHA_UNSOLVABLE"},
		"failed child, wrapped":            {fmt.Errorf("child: %w", fromChild(unsolvableFailure)), "ERROR_CAPTCHA_UNSOLVABLE"},
		"canceled child":                   {fromChild(canceledFailure), workflows.Canceled},
		"terminated child":                 {fromChild(terminatedFailure), workflows.Terminated},
		"child that timed out":             {fromChild(timeoutFailure), workflows.TimedOut},
		"failed operation":                 {fromOperation(unsolvableFailure), "ERROR_CAPTCHA_UNSOLVABLE"},
		"failed operation, wrapped":        {fmt.Errorf("operation: %w", fromOperation(unsolvableFailure)), "ERROR_CAPTCHA_UNSOLVABLE"},
		"failed operation, newer servers":  {fromOperation(application("OperationError", unsolvableFailure)), "ERROR_CAPTCHA_UNSOLVABLE"},
		"failed operation, wrapped twice":  {fromOperation(application("wrapError", application("OperationError", unsolvableFailure))), "ERROR_CAPTCHA_UNSOLVABLE"},
		"operation that says nothing":      {fromOperation(application("OperationError", nil)), ""},
		"operation in a test environment":  {fromOperation(childFailure), "ERROR_CAPTCHA_UNSOLVABLE"},
		"refused operation":                {fromOperation(handlerFailure(unsolvableFailure)), "ERROR_CAPTCHA_UNSOLVABLE"},
		"refused operation without cause":  {fromOperation(handlerFailure(nil)), ""},
		"canceled operation":               {fromOperation(canceledFailure), workflows.Canceled},
		"canceled operation, refused":      {fromOperation(handlerFailure(canceledFailure)), workflows.Canceled},
		"canceled operation, newer server": {fromOperation(application("OperationError", canceledFailure)), workflows.Canceled},
		"terminated operation":             {fromOperation(terminatedFailure), workflows.Terminated},
		"operation that timed out":         {fromOperation(timeoutFailure), workflows.TimedOut},
		"operation without a cause":        {fromOperation(nil), ""},
		"own failure after an operation":   {temporal.NewApplicationErrorWithCause("odd", "Odd", fromOperation(unsolvableFailure)), "Odd"},
		"failed, to a client":              {clientError(t, unsolvable), "ERROR_CAPTCHA_UNSOLVABLE"},
		"canceled, to a client":            {clientError(t, temporal.NewCanceledError()), workflows.Canceled},
		"terminated, to a client":          {clientError(t, received(terminatedFailure)), workflows.Terminated},
		"timed out, to a client":           {clientError(t, received(timeoutFailure)), workflows.TimedOut},
		"wrapped, to a client":             {fmt.Errorf("wait: %w", clientError(t, unsolvable)), "ERROR_CAPTCHA_UNSOLVABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.code, workflows.ErrorCode(test.err))
		})
	}
}

// clientError is what a client gets of a workflow that ended with an error.
func clientError(t *testing.T, err error) error {
	t.Helper()
	result := newEnvironment(t).runParent(func(workflow.Context) error { return err })
	var execution *temporal.WorkflowExecutionError
	require.ErrorAs(t, result, &execution)
	return result
}
