package workflows

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/message"
)

// newVerdictOnTask makes a submission's non-retryable error one of the workflow's.
func newVerdictOnTask(failure *temporal.ApplicationError) error {
	details, _ := Details(failure)
	details.LastError = ""
	return temporal.NewApplicationErrorWithOptions(failure.Message(), failure.Type(), temporal.ApplicationErrorOptions{
		NonRetryable: true, Category: failure.Category(), Details: []any{details},
	})
}

// newNotSubmitted is the end of an attempt that could not submit the task in time.
func (s *solve) newNotSubmitted() error {
	text := fmt.Sprintf("not submitted within %s, so that this attempt bought nothing", s.settings.timeout())
	code, details := activities.ErrorTypeNotSubmitted, activities.ErrorDetails{LastError: s.LastError}
	switch {
	case s.LastAnswer != nil:
		code, details = s.LastAnswer.Code, s.LastAnswer.Details
		text = message.Shorten(s.LastAnswer.Message, maxQuoted) + ": " + text
	case s.LastError != "":
		text += ": " + message.Shorten(s.LastError, maxQuoted)
	}
	return temporal.NewApplicationErrorWithOptions(text, code, temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{details},
	})
}

// newOutcomeUnknown is the end of an attempt that may have bought a task. [solve.ending] says what
// is unknown.
func (s *solve) newOutcomeUnknown() error {
	text := "nobody can tell its id"
	if s.calls != nil && s.Unknown.Callback {
		text = "no call has told its id within " + s.settings.timeout().String()
	}
	return temporal.NewApplicationErrorWithOptions(text, activities.ErrorTypeCreateTaskOutcomeUnknown,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{activities.ErrorDetails{LastError: s.LastError}}})
}

// ending makes an error what SolveTask ends with: it tells of everything that was bought, or may
// have been.
func (s *solve) ending(err error) error {
	details, _ := Details(err)
	details.TaskID, details.TaskIDs = s.TaskID, s.taskIDs()
	details.Attempts, details.Polls = s.Attempts, s.polls()
	if isCanceled(err) {
		details.LastError = s.LastError
		if s.wait != nil {
			details.LastStatus, details.LastError = s.wait.LastStatus, s.wait.LastError
		}
		if s.outcomeUnknown() {
			details.LastError = activities.ErrorTypeCreateTaskOutcomeUnknown
		}
		return temporal.NewCanceledError(details)
	}
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) {
		return err // of the SDK, which fails the workflow task
	}
	code, text := failure.Type(), failure.Message()
	if s.outcomeUnknown() {
		if code == details.ErrorCode { // without its advice, which may be to submit again
			text = strings.TrimSuffix(code+": "+details.ErrorDescription, ": ")
		}
		text = fmt.Sprintf("a task may have been bought, since the outcome of createTask is unknown (%s): %s",
			message.Shorten(s.Unknown.Text, maxQuoted), message.Shorten(text, maxQuoted))
		if code != activities.ErrorTypeCreateTaskOutcomeUnknown {
			details.ErrorCode = code // unlike the type, what came later tells nothing of money
		}
		code = activities.ErrorTypeCreateTaskOutcomeUnknown
	}
	return temporal.NewApplicationErrorWithOptions(text, code, temporal.ApplicationErrorOptions{
		NonRetryable: true, Category: failure.Category(), Details: []any{details},
	})
}

func isCanceled(err error) bool {
	var canceled *temporal.CanceledError
	return errors.As(err, &canceled)
}

// maxQuoted is how many bytes of another message a message quotes: two of them leave room within
// [message.MaxBytes].
const maxQuoted = 180
