package activities

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The types of ApplicationErrors that are no code of the service.
const (
	// ErrorTypeInvalidInput: the input was refused before any request. Not retryable.
	ErrorTypeInvalidInput = "InvalidInput"
	// ErrorTypeUnexpectedResponse: the service's answer is neither a result nor an error of its own. Retryable, but for an
	// errorId without an errorCode and an answer of over 256 KiB.
	ErrorTypeUnexpectedResponse = "UnexpectedResponse"
	// ErrorTypeRequestFailed: no answer, or an HTTP status other than 200 without an error of the service, or a request that
	// was not sent. Retryable.
	ErrorTypeRequestFailed = "RequestFailed"
	// ErrorTypeNotReady: the task is processing, and the input has a schedule for asking again. Retryable, and benign.
	ErrorTypeNotReady = "NotReady"
)

// ErrorDetails are the details of every ApplicationError of this project; what does not apply is left out.
type ErrorDetails struct {
	TaskID int64 `json:"taskId,omitempty"`
	// ErrorID, ErrorCode and ErrorDescription are the service's own.
	ErrorID          int64  `json:"errorId,omitempty"`
	ErrorCode        string `json:"errorCode,omitempty"`
	ErrorDescription string `json:"errorDescription,omitempty"`
	// Expired tells, of ERROR_NO_SUCH_CAPCHA_ID, that the task had been there: its result was kept for 15 minutes and is gone.
	Expired bool `json:"expired,omitempty"`
	// Polls is how many polls the wait made.
	Polls int `json:"polls,omitempty"`
	// LastStatus and LastError are what the wait's polls last came to.
	LastStatus string `json:"lastStatus,omitempty"`
	LastError  string `json:"lastError,omitempty"`
}

// class is what becomes of an error.
type class struct {
	retryable bool
	// delay is how long to wait before the next attempt; 0 leaves it to the retry policy, or to the service's Retry-After.
	delay time.Duration
	// benign errors are expected outcomes, which are no matter for error logs and failure metrics.
	benign bool
}

var (
	verdict         = class{}
	expectedVerdict = class{benign: true}
	transient       = class{retryable: true}
	// Bans last 5 to 10 minutes.
	banned = class{retryable: true, delay: 3 * time.Minute}
)

// serviceErrorClasses has every code of the service's error table (https://2captcha.com/api-docs/error-codes). A code that is
// not in it is a verdict.
var serviceErrorClasses = map[string]class{
	twocaptcha.ErrorKeyDoesNotExist:         verdict, // five requests with a wrong key get the address banned
	twocaptcha.ErrorNoSlotAvailable:         transient,
	twocaptcha.ErrorZeroCaptchaFileSize:     verdict,
	twocaptcha.ErrorTooBigCaptchaFileSize:   verdict,
	twocaptcha.ErrorPageURL:                 verdict,
	twocaptcha.ErrorZeroBalance:             verdict,
	twocaptcha.ErrorIPNotAllowed:            verdict,
	twocaptcha.ErrorCaptchaUnsolvable:       expectedVerdict,
	twocaptcha.ErrorBadDuplicates:           expectedVerdict,
	twocaptcha.ErrorNoSuchMethod:            verdict,
	twocaptcha.ErrorImageTypeNotSupported:   verdict,
	twocaptcha.ErrorNoSuchCapchaID:          verdict,
	twocaptcha.ErrorIPBlocked:               banned,
	twocaptcha.ErrorTaskAbsent:              verdict,
	twocaptcha.ErrorTaskNotSupported:        verdict,
	twocaptcha.ErrorRecaptchaInvalidSitekey: verdict,
	twocaptcha.ErrorAccountSuspended:        verdict,
	twocaptcha.ErrorBadParameters:           verdict,
	twocaptcha.ErrorBadImgInstructions:      verdict,
	twocaptcha.ErrorBadProxy:                verdict,
}

// transportErrorClasses has every reason for which a request brings neither a result nor an error of the service.
var transportErrorClasses = map[twocaptcha.Reason]struct {
	errorType string
	class     class
}{
	twocaptcha.ReasonConnection: {ErrorTypeRequestFailed, transient},
	twocaptcha.ReasonStatus:     {ErrorTypeRequestFailed, transient},
	twocaptcha.ReasonClientKey:  {ErrorTypeRequestFailed, transient}, // a key file that is being replaced will be there again
	twocaptcha.ReasonUnreadable: {ErrorTypeUnexpectedResponse, transient},
	twocaptcha.ReasonUnexpected: {ErrorTypeUnexpectedResponse, transient},
	twocaptcha.ReasonNoCode:     {ErrorTypeUnexpectedResponse, verdict},
	twocaptcha.ReasonTooLarge:   {ErrorTypeUnexpectedResponse, verdict}, // the same answer would come again
}

// Retry-After is honored within these bounds: the service wants 5 seconds between two requests for a task, and a solution
// that waits longer than a minute may expire.
const (
	minRetryAfter = 5 * time.Second
	maxRetryAfter = time.Minute
)

// classify turns a client's error into the ApplicationError that Temporal and the caller act on, and adds to its details what
// the error tells. The texts in it come from twocaptcha, which has made them safe.
func classify(err error, details ErrorDetails) error {
	var serviceError *twocaptcha.ServiceError
	if errors.As(err, &serviceError) {
		details.ErrorID, details.ErrorCode = serviceError.ErrorID, serviceError.Code
		details.ErrorDescription = serviceError.Description
		return newError(err.Error(), serviceError.Code, serviceErrorClasses[serviceError.Code], serviceError.RetryAfter, details)
	}
	var transportError *twocaptcha.TransportError
	if errors.As(err, &transportError) {
		details.ErrorID = transportError.ErrorID
		class := transportErrorClasses[transportError.Reason]
		return newError(err.Error(), class.errorType, class.class, transportError.RetryAfter, details)
	}
	return err
}

func newError(message, errorType string, class class, retryAfter time.Duration, details ErrorDetails) error {
	options := temporal.ApplicationErrorOptions{NonRetryable: !class.retryable, Details: []any{details}}
	if class.benign {
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	switch {
	case !class.retryable:
	case class.delay > 0:
		options.NextRetryDelay = class.delay
	case retryAfter > 0:
		options.NextRetryDelay = min(max(retryAfter, minRetryAfter), maxRetryAfter)
	}
	return temporal.NewApplicationErrorWithOptions(message, errorType, options)
}

func newInvalidInput(taskID int64, message string) error {
	return newError(message, ErrorTypeInvalidInput, verdict, 0, ErrorDetails{TaskID: max(taskID, 0)})
}
