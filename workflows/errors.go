package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// ErrorDetails are the details of every ApplicationError that a wait ends with.
type ErrorDetails = activities.ErrorDetails

// ErrorCode tells what a wait ended with, from the error that a client, a parent workflow or [Await] got: the
// ApplicationError's type, which is the service's own code or one of this package's, or [AlreadyRunning], [Canceled],
// [Terminated] or [TimedOut]. It is "" for nil and for an error that is none of these.
func ErrorCode(err error) string {
	// The outermost error that says something counts: a timeout may carry the failure of an earlier attempt.
	for ; err != nil; err = errors.Unwrap(err) {
		switch err := err.(type) {
		case *temporal.ApplicationError:
			return err.Type()
		case *temporal.CanceledError:
			return Canceled
		case *temporal.TerminatedError:
			return Terminated
		case *temporal.TimeoutError:
			return TimedOut
		case *temporal.ChildWorkflowExecutionAlreadyStartedError, *serviceerror.WorkflowExecutionAlreadyStarted:
			return AlreadyRunning
		case interface{ Unwrap() []error }: // of errors.Join, and of fmt.Errorf with several
			for _, each := range err.Unwrap() {
				if code := ErrorCode(each); code != "" {
					return code
				}
			}
		}
	}
	return ""
}

func newInvalidInput(taskID int64, message string) error {
	return temporal.NewApplicationErrorWithOptions(message, ErrorTypeInvalidInput, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{ErrorDetails{TaskID: max(taskID, 0)}},
	})
}

func newTaskTimeout(taskID int64, timeout time.Duration, p progress) error {
	message := fmt.Sprintf("task %d: no result within %s, in %s", taskID, timeout, counted(p.Polls))
	if p.LastStatus != "" {
		message += fmt.Sprintf("; the last status is %q", p.LastStatus)
	}
	if p.LastError != "" {
		lastError := strings.TrimPrefix(p.LastError, fmt.Sprintf("task %d: ", taskID))
		message += fmt.Sprintf("; the last error: %.90s", lastError) // 90 runes are at most 360 bytes
	}
	return temporal.NewApplicationErrorWithOptions(message, ErrorTypeTaskTimeout, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details: []any{ErrorDetails{
			TaskID: taskID, Polls: p.Polls, LastStatus: p.LastStatus, LastError: p.LastError,
		}},
	})
}

// resultLifetime is how long the service keeps a result after the task's submission
// (https://2captcha.com/api-docs/error-codes, on ERROR_NO_SUCH_CAPCHA_ID).
const resultLifetime = 15 * time.Minute

// newVerdict makes a poll's non-retryable error the one that leaves the workflow. It is a fresh error since only the type of the
// outermost one is seen by a parent in another language, and in the Web UI.
func newVerdict(taskID int64, failure *temporal.ApplicationError, p progress) error {
	details := ErrorDetails{TaskID: taskID}
	if failure.HasDetails() {
		var theirs ErrorDetails
		if failure.Details(&theirs) == nil {
			details = theirs
		}
	}
	details.TaskID, details.Polls, details.LastStatus = taskID, p.Polls, p.LastStatus
	message := failure.Message()
	if failure.Type() == twocaptcha.ErrorNoSuchCapchaID &&
		(p.SeenProcessing || p.LastPollEnd.Sub(p.StartedAt) > resultLifetime) {
		details.Expired = true
		message = fmt.Sprintf("task %d: %s: its result has expired, which the service keeps for 15 minutes after submission",
			taskID, failure.Type())
	}
	return temporal.NewApplicationErrorWithOptions(message, failure.Type(), temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Category:     failure.Category(),
		Details:      []any{details},
	})
}
