package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/message"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// ErrorDetails are the details of every ApplicationError that a wait ends with, and of a
// cancellation of [SolveTask]. [Details] returns them.
type ErrorDetails = activities.ErrorDetails

// ErrorCode tells what a wait ended with, from the error that a client, a parent workflow, a caller
// through Nexus or [Await] got: the ApplicationError's type, which is the service's own code or one
// of this project's, or [AlreadyRunning], [Canceled], [Terminated] or [TimedOut]. It is "" for nil
// and for any other error.
func ErrorCode(err error) string {
	code, _ := findEnd(err)
	return code
}

// Details returns the details of the ApplicationError that [ErrorCode] tells of, or those of a
// cancellation of [SolveTask]. It returns false if err is not such an error, or if that has no
// details or details of another kind.
func Details(err error) (details ErrorDetails, ok bool) {
	code, application := findEnd(err)
	var failure interface {
		HasDetails() bool
		Details(...any) error
	}
	var canceled *temporal.CanceledError
	switch {
	case application != nil:
		failure = application
	case code == Canceled && errors.As(err, &canceled):
		failure = canceled
	}
	if failure == nil || !failure.HasDetails() {
		return ErrorDetails{}, false
	}
	// An error that has not been through a server holds its details as Go values: the SDK decodes them
	// by assigning them, and panics if they are of another type.
	defer func() {
		if recover() != nil {
			details, ok = ErrorDetails{}, false
		}
	}()
	if failure.Details(&details) != nil {
		return ErrorDetails{}, false
	}
	return details, true
}

// findEnd returns the code of what a wait ended with, and the ApplicationError if it ended with
// one. The outermost error that says something counts: a timeout may carry the failure of an
// earlier attempt.
func findEnd(err error) (code string, failure *temporal.ApplicationError) {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err := err.(type) {
		case *temporal.ApplicationError:
			return err.Type(), err
		case *temporal.CanceledError:
			return Canceled, nil
		case *temporal.TerminatedError:
			return Terminated, nil
		case *temporal.TimeoutError:
			return TimedOut, nil
		case *temporal.ChildWorkflowExecutionAlreadyStartedError, *serviceerror.WorkflowExecutionAlreadyStarted:
			return AlreadyRunning, nil
		case *temporal.NexusOperationError:
			return findEndOfOperation(err.Unwrap())
		case interface{ Unwrap() []error }: // of errors.Join, and of fmt.Errorf with several
			for _, each := range err.Unwrap() {
				if code, failure := findEnd(each); code != "" {
					return code, failure
				}
			}
		}
	}
	return "", nil
}

// findEndOfOperation is findEnd below the error of a Nexus operation. There the innermost
// ApplicationError counts: servers and SDKs put others around it, such as one of the type
// "OperationError", depending on their versions.
func findEndOfOperation(err error) (code string, failure *temporal.ApplicationError) {
	for ; err != nil; err = errors.Unwrap(err) {
		if application, isApplication := err.(*temporal.ApplicationError); isApplication {
			if application.Type() != wrappingErrorType {
				code, failure = application.Type(), application
			}
			continue
		}
		if failure != nil {
			continue // it is below the ApplicationError that counts
		}
		switch err.(type) {
		case *temporal.CanceledError:
			return Canceled, nil
		case *temporal.TerminatedError:
			return Terminated, nil
		case *temporal.TimeoutError:
			return TimedOut, nil
		}
	}
	return code, failure
}

// wrappingErrorType is the type of the ApplicationError that newer SDKs and servers put around what
// a Nexus handler ended an operation with.
const wrappingErrorType = "OperationError"

func newInvalidInput(taskID int64, message string) error {
	return temporal.NewApplicationErrorWithOptions(message, activities.ErrorTypeInvalidInput, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{ErrorDetails{TaskID: max(taskID, 0)}},
	})
}

// newTaskTimeout is the end of a wait whose last poll was answered: not ready.
func newTaskTimeout(taskID int64, timeout time.Duration, p progress) error {
	return newEndWithoutResult(ErrorTypeTaskTimeout,
		fmt.Sprintf("task %d: no result within %s, in %s", taskID, timeout, counted(p.Polls)), taskID, p)
}

// newNoAnswer is the end of a wait whose last poll was not answered.
func newNoAnswer(taskID int64, p progress) error {
	return newEndWithoutResult(ErrorTypeNoAnswer,
		fmt.Sprintf("task %d: the last poll brought no answer, in %s: the result may be ready, so wait for this task again "+
			"rather than buy another", taskID, counted(p.Polls)), taskID, p)
}

func newEndWithoutResult(errorType, text string, taskID int64, p progress) error {
	if p.LastStatus != "" {
		text += fmt.Sprintf("; the last status is %q", p.LastStatus)
	}
	if p.LastError != "" {
		text += "; the last error: "
		text += message.ShortenAtWord(p.LastError, message.MaxBytes-len(text))
	}
	return temporal.NewApplicationErrorWithOptions(text, errorType, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details: []any{ErrorDetails{
			TaskID: taskID, Polls: p.Polls, LastStatus: p.LastStatus, LastError: p.LastError,
		}},
	})
}

// resultLifetime is how long the service keeps a result after the task's submission
// (https://2captcha.com/api-docs/error-codes, on ERROR_NO_SUCH_CAPCHA_ID).
const resultLifetime = 15 * time.Minute

// newVerdict makes a poll's non-retryable error the one that leaves the workflow. It is a fresh
// error, since a parent in another language, and the Web UI, see the type of the outermost error
// alone.
func newVerdict(taskID int64, failure *temporal.ApplicationError, p progress) error {
	details, _ := Details(failure)
	details.TaskID, details.Polls, details.LastStatus, details.LastError = taskID, p.Polls, p.LastStatus, ""
	message := failure.Message()
	if failure.Type() == twocaptcha.ErrorNoSuchCapchaID &&
		(p.SeenProcessing || p.LastPollEnd.Sub(p.StartedAt) > resultLifetime) {
		details.Expired = true
		message = fmt.Sprintf("task %d: %s: its result has expired: the service keeps results for 15 minutes after submission",
			taskID, failure.Type())
	}
	return temporal.NewApplicationErrorWithOptions(message, failure.Type(), temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Category:     failure.Category(),
		Details:      []any{details},
	})
}
