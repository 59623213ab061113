package workflows

import (
	"cmp"
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/message"
)

// endOfRequest makes the error of an activity that asks the service for something at once what its
// workflow ends with: the service's code, or NoAnswer if the service did not answer, which
// unanswered says.
func endOfRequest(ctx workflow.Context, err error, taskID int64, unanswered string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) { // also the last attempt's, below a timeout
		return newEndOfRequest(ErrorTypeNoAnswer, unanswered+": "+errorText(err), ErrorDetails{TaskID: taskID})
	}
	details, _ := Details(failure)
	details.TaskID = taskID
	if failure.NonRetryable() || details.ErrorCode != "" {
		details.LastError = ""
		return newEndOfRequest(failure.Type(), failure.Message(), details)
	}
	return newEndOfRequest(ErrorTypeNoAnswer,
		unanswered+": "+message.Shorten(cmp.Or(details.LastError, failure.Message()), maxQuoted), details)
}

func newEndOfRequest(errorType, text string, details ErrorDetails) error {
	return temporal.NewApplicationErrorWithOptions(text, errorType, temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{details},
	})
}
