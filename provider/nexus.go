package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/temporalnexus"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/nexusservice"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// newNexusService returns the handlers of package nexusservice.
func newNexusService() *nexus.Service {
	service := nexus.NewService(nexusservice.Service)
	service.MustRegister(
		&operation{name: nexusservice.AwaitTaskResultOperation, workflowType: workflows.AwaitTaskResultWorkflow,
			start: startAwaitTaskResult, repeatable: true},
		&operation{name: nexusservice.SolveTaskOperation, workflowType: workflows.SolveTaskWorkflow,
			start: startSolveTask, cancels: true},
	)
	return service
}

// operation runs a workflow, or attaches its caller to one that is running. It hands the input and
// the output on as they are, so that the workflow reads exactly what the caller sent.
//
// What is retryable here is repeated by the server. After five such errors in a row the server lets
// no caller through to this endpoint for a while, so that only what is worth it is retryable.
type operation struct {
	nexus.UnimplementedOperation[converter.RawValue, converter.RawValue]
	name         string
	workflowType string
	// start returns how the workflow is started for this input, or what is wrong with the input.
	start func(payload *commonpb.Payload, requestID string) (workflowStart, error)
	// cancels tells that a caller's cancellation cancels the workflow.
	cancels bool
	// repeatable tells that a closed workflow can be run again at no cost.
	repeatable bool
}

// workflowStart is how a workflow is started for a caller.
type workflowStart struct {
	options client.StartWorkflowOptions
	details workflows.ErrorDetails // of a refusal
}

func startAwaitTaskResult(payload *commonpb.Payload, _ string) (workflowStart, error) {
	var in workflows.AwaitTaskResultInput
	if err := decodeInput(payload, &in); err != nil {
		return workflowStart{}, err
	}
	return newWorkflowStart(workflows.StartOptions(in.TaskID), workflows.ErrorDetails{TaskID: in.TaskID}), nil
}

// startSolveTask names the purchase by the request's id if the caller has not: it is the same when
// a start is repeated.
func startSolveTask(payload *commonpb.Payload, requestID string) (workflowStart, error) {
	var in workflows.SolveTaskInput
	if err := decodeInput(payload, &in); err != nil {
		return workflowStart{}, err
	}
	id := in.ID
	if id == "" {
		id = requestID
	}
	return newWorkflowStart(workflows.SolveOptions(id), workflows.ErrorDetails{}), nil
}

func newWorkflowStart(options client.StartWorkflowOptions, details workflows.ErrorDetails) workflowStart {
	options.TaskQueue = "" // the one that this worker serves
	return workflowStart{options, details}
}

// decodeInput refuses what the workflow would refuse, and other encodings, since an operation can't
// get at the worker's data converter. Such a caller would otherwise start a workflow that fails, or
// attach to one that is running without being told.
func decodeInput(payload *commonpb.Payload, in interface {
	json.Unmarshaler
	Validate() error
}) error {
	switch encoding := string(payload.GetMetadata()[converter.MetadataEncoding]); encoding {
	case converter.MetadataEncodingJSON:
		if err := in.UnmarshalJSON(payload.GetData()); err != nil {
			return err
		}
		return in.Validate()
	case "", converter.MetadataEncodingNil:
		return newRefusal(activities.ErrorTypeInvalidInput, "there is no input: it takes a JSON object", workflows.ErrorDetails{})
	default:
		return newRefusal(activities.ErrorTypeInvalidInput, fmt.Sprintf("the input is encoded as %.60q: it takes %s",
			encoding, converter.MetadataEncodingJSON), workflows.ErrorDetails{})
	}
}

func newRefusal(errorType, message string, details workflows.ErrorDetails) error {
	return temporal.NewApplicationErrorWithOptions(message, errorType, temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{details},
	})
}

func (o *operation) Name() string { return o.name }

// Start starts the workflow, or attaches the caller to it. A workflow that has closed answers at
// once.
func (o *operation) Start(
	ctx context.Context, input converter.RawValue, options nexus.StartOperationOptions,
) (nexus.HandlerStartOperationResult[converter.RawValue], error) {
	starting, err := o.start(input.Payload(), options.RequestID)
	if err != nil {
		return nil, refuse(err)
	}
	result, err := o.workflowRun(starting.options).Start(ctx, input, options)
	var closed *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &closed):
		if run := closedRun(ctx, starting.options.ID, closed.RunId); run != nil {
			return answerOf(ctx, run)
		}
		return o.repeatInTestEnvironment(ctx, starting.options, input, options)
	case err != nil && strings.Contains(err.Error(), "cannot attach more than"):
		return nil, refuse(newRefusal(nexusservice.ErrorTypeTooManyCallers, fmt.Sprintf(
			"workflow %s has as many callers as the Temporal server attaches to one workflow: raise its setting "+
				"system.maxCallbacksPerWorkflow (callback.maxPerExecution from 1.32 on), or call again when the workflow has ended (%s)", starting.options.ID, err),
			starting.details))
	}
	return result, err
}

// Cancel leaves a wait alone that others may share.
func (o *operation) Cancel(ctx context.Context, token string, options nexus.CancelOperationOptions) error {
	if !o.cancels {
		return nil
	}
	return o.workflowRun(client.StartWorkflowOptions{}).Cancel(ctx, token, options)
}

// workflowRun is the SDK's operation, which starts the workflow with these options, and cancels it.
func (o *operation) workflowRun(start client.StartWorkflowOptions) nexus.Operation[converter.RawValue, converter.RawValue] {
	return temporalnexus.MustNewWorkflowRunOperationWithOptions(
		temporalnexus.WorkflowRunOperationOptions[converter.RawValue, converter.RawValue]{
			Name: o.name,
			Handler: func(ctx context.Context, input converter.RawValue, options nexus.StartOperationOptions) (
				temporalnexus.WorkflowHandle[converter.RawValue], error) {
				return temporalnexus.ExecuteUntypedWorkflow[converter.RawValue](ctx, options, start, o.workflowType, input)
			},
		})
}

// answerTimeout is well within the 10 seconds that the server gives an operation's start.
const answerTimeout = 3 * time.Second

// answerOf is what the run has ended with. A run that goes on, by a reset for example, or that has
// continued as new, is attached to when the start is repeated.
func answerOf(ctx context.Context, run client.WorkflowRun) (nexus.HandlerStartOperationResult[converter.RawValue], error) {
	reading, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var output converter.RawValue
	err := run.GetWithOptions(reading, &output, client.WorkflowRunGetOptions{DisableFollowingRuns: true})
	if err == nil {
		nexus.AddHandlerLinks(ctx, linkTo(ctx, run))
		return &nexus.HandlerStartOperationResultSync[converter.RawValue]{Value: output}, nil
	}
	var failed *temporal.WorkflowExecutionError
	if errors.As(err, &failed) {
		return nil, refuse(failed.Unwrap())
	}
	return nil, &nexus.HandlerError{
		Type:    nexus.HandlerErrorTypeUnavailable,
		Message: fmt.Sprintf("the end of workflow %s can't be read yet", run.GetID()),
		Cause:   err,
	}
}

// linkTo has the caller's event lead to the run, as it does if the caller has attached to it.
func linkTo(ctx context.Context, run client.WorkflowRun) nexus.Link {
	return temporalnexus.ConvertLinkWorkflowEventToNexusLink(&commonpb.Link_WorkflowEvent{
		Namespace:  temporalnexus.GetOperationInfo(ctx).Namespace,
		WorkflowId: run.GetID(),
		RunId:      run.GetRunID(),
		Reference: &commonpb.Link_WorkflowEvent_EventRef{EventRef: &commonpb.Link_WorkflowEvent_EventReference{
			EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		}},
	})
}

// refuse ends the operation with the failure as the cause of a HandlerError that is not retried. It
// is the one form whose cause callers of all server versions read alike. Servers lose the
// HandlerError's own message, or keep it.
func refuse(failure error) error {
	message := failure.Error()
	var application *temporal.ApplicationError
	if errors.As(failure, &application) {
		message = application.Message()
	}
	return &nexus.HandlerError{Type: nexus.HandlerErrorTypeBadRequest, Message: message, Cause: failure}
}

// closedRun returns nil in the SDK's test environment, whose client reads no closed runs: it
// panics.
func closedRun(ctx context.Context, workflowID, runID string) (run client.WorkflowRun) {
	defer func() {
		if recover() != nil {
			run = nil
		}
	}()
	return temporalnexus.GetClient(ctx).GetWorkflow(ctx, workflowID, runID)
}

// repeatInTestEnvironment stands in for the answer of a closed run in the SDK's test environment.
func (o *operation) repeatInTestEnvironment(
	ctx context.Context, start client.StartWorkflowOptions, input converter.RawValue, options nexus.StartOperationOptions,
) (nexus.HandlerStartOperationResult[converter.RawValue], error) {
	if !o.repeatable {
		return nil, refuse(fmt.Errorf("workflow %s has closed, and the SDK's test environment can't tell its result to another "+
			"caller: call %s once under an id there, or test with a server", start.ID, o.name))
	}
	start.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	return o.workflowRun(start).Start(ctx, input, options)
}
