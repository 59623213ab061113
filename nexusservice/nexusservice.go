// Package nexusservice is the contract of the provider's Nexus service, for workflows that call it
// from any namespace: the service's name, and its operations with the types of their inputs and
// outputs. It registers nothing and needs no client key.
//
//	service := workflow.NewNexusClient("2captcha-endpoint", nexusservice.Service)
//	waiting := service.ExecuteOperation(ctx, nexusservice.AwaitTaskResult,
//		workflows.AwaitTaskResultInput{TaskID: taskID},
//		workflow.NexusOperationOptions{
//			ScheduleToCloseTimeout: 30 * time.Minute,
//			CancellationType:       workflow.NexusOperationCancellationTypeTryCancel,
//		})
//	var output workflows.AwaitTaskResultOutput
//	err := waiting.Get(ctx, &output)
//
// The endpoint leads to the namespace and the task queue of the provider's worker. That can be the
// caller's own namespace.
//
// # Errors
//
// workflows.ErrorCode tells the code from the error that a caller gets, and workflows.Details the
// details. Beside the errors of the workflows there is [ErrorTypeTooManyCallers]. An input that is
// wrong is refused as InvalidInput at once, even if the workflow that it is for is running. The
// input must be JSON.
//
// # Retries of the caller
//
// To Temporal the error of an operation is retryable: a caller with a retry policy that returns it
// is run again. To prevent that, return a non-retryable ApplicationError of your own.
package nexusservice

import (
	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Service is the name of the Nexus service.
const Service = "2captcha"

// The names of the operations, for callers that don't use [AwaitTaskResult] and [SolveTask].
const (
	AwaitTaskResultOperation = "awaitTaskResult"
	SolveTaskOperation       = "solveTask"
)

// ErrorTypeTooManyCallers is the type of the ApplicationError that a caller gets at once if the
// server attaches no more callers to the workflow: the limit is the server's setting
// system.maxCallbacksPerWorkflow or, from version 1.32 on, callback.maxPerExecution. The workflow
// and its other callers go on.
const ErrorTypeTooManyCallers = "TooManyCallers"

// AwaitTaskResult waits for a task's result by the workflow of that name. A caller attaches to the
// task's wait if one is running, whoever started it, and takes over that wait's settings. A wait
// that has succeeded answers at once, as long as its namespace retains it. A wait that has failed
// is started over.
//
// The operation ignores a cancellation, since the wait may have other callers, and the result is
// paid for: the wait goes on. Callers set the cancellation type TryCancel, with which their own
// cancellation takes effect at once. With the default, WaitCompleted, a canceled caller goes on
// waiting for the result.
var AwaitTaskResult = nexus.NewOperationReference[
	workflows.AwaitTaskResultInput, workflows.AwaitTaskResultOutput](AwaitTaskResultOperation)

// SolveTask submits a task and waits for its result by the workflow of that name. The input's ID
// names the purchase, as for workflows.SolveOptions: within the namespace's retention an ID is
// bought for once, and all callers with that ID get its result or its failure. Without an ID, each
// operation buys once, however often its start is retried; a caller that is reset to before the
// operation buys again.
//
// The operation passes a cancellation on to the workflow, which ends it for all callers with the
// same ID. Callers set the cancellation type WaitRequested, with which the cancellation is
// delivered even if the caller closes then. With WaitCompleted, the default, a canceled caller also
// gets the CanceledError's details, which tell what was bought.
var SolveTask = nexus.NewOperationReference[
	workflows.SolveTaskInput, workflows.SolveTaskOutput](SolveTaskOperation)
