package activities

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/message"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The types of ApplicationErrors that activities end with, beside the service's own codes.
const (
	// ErrorTypeInvalidInput: the input was refused before any request. Not retryable.
	ErrorTypeInvalidInput = "InvalidInput"
	// ErrorTypeUnexpectedResponse: the service's answer is neither a result nor an error of its own.
	// Retryable, except for an errorId without an errorCode, a JSON object of over 256 KiB, and a code
	// that spells an error type of this project.
	ErrorTypeUnexpectedResponse = "UnexpectedResponse"
	// ErrorTypeRequestFailed: no answer, an HTTP status other than 2xx without an error of the
	// service, or a request that was not sent. Retryable. No wait ends with it.
	ErrorTypeRequestFailed = "RequestFailed"
	// ErrorTypeNotReady: an attempt of pollTaskResult found the task processing. Retryable, and
	// benign. No wait ends with it.
	ErrorTypeNotReady = "NotReady"
	// ErrorTypeNotSubmitted: the task was not submitted, and nothing was bought. Not retryable.
	ErrorTypeNotSubmitted = "NotSubmitted"
	// ErrorTypeCreateTaskOutcomeUnknown: the task may have been bought, and its id is not known. Not
	// retryable.
	ErrorTypeCreateTaskOutcomeUnknown = "CreateTaskOutcomeUnknown"
)

// ownWords are what this project says of a task's end, as error types and by workflows.ErrorCode.
// The service's codes are foreign text: one that spells such a word would pass for it.
var ownWords = []string{
	ErrorTypeInvalidInput,
	ErrorTypeUnexpectedResponse,
	ErrorTypeRequestFailed,
	ErrorTypeNotReady,
	"TaskTimeout",
	"NoAnswer",
	ErrorTypeNotSubmitted,
	ErrorTypeCreateTaskOutcomeUnknown,
	"TooManyCallers",
	"AlreadyRunning",
	"Canceled",
	"Terminated",
	"TimedOut",
}

func isOwnWord(code string) bool {
	return slices.ContainsFunc(ownWords, func(word string) bool { return strings.EqualFold(word, code) })
}

// ErrorDetails are the details of every ApplicationError of this project; what does not apply is
// left out.
type ErrorDetails struct {
	// TaskID is the task that the error is about.
	TaskID int64 `json:"taskId,omitempty"`
	// ErrorID is the service's id for the error.
	ErrorID int64 `json:"errorId,omitempty"`
	// ErrorCode is the service's code for the error.
	ErrorCode string `json:"errorCode,omitempty"`
	// ErrorDescription is the service's text on the error.
	ErrorDescription string `json:"errorDescription,omitempty"`
	// Expired tells, of ERROR_NO_SUCH_CAPCHA_ID, that the service has known the task: its result was
	// kept for 15 minutes and is gone.
	Expired bool `json:"expired,omitempty"`
	// Polls is how many polls the wait made.
	Polls int `json:"polls,omitempty"`
	// LastStatus is the status that the service last answered with.
	LastStatus string `json:"lastStatus,omitempty"`
	// LastError is what the last attempt failed with, without the task; it is left out if that did not
	// fail.
	LastError string `json:"lastError,omitempty"`
	// Attempts is how many attempts SolveTask has begun.
	Attempts int `json:"attempts,omitempty"`
	// TaskIDs are the tasks that SolveTask has bought, in order.
	TaskIDs []int64 `json:"taskIds,omitempty"`
}

// class says what is done about an error.
type class struct {
	retryable bool
	// delay is how long to wait before the next attempt; 0 leaves it to the retry policy, or to the
	// service's Retry-After.
	delay time.Duration
	// benign errors are expected outcomes: they belong neither in error logs nor in failure metrics.
	// Retryable ones are benign too: a hiccup of the service is nothing that an operator acts on.
	benign bool
	// alsoOfGateways tells that a gateway may have written the code after the service has acted, if it
	// comes on a status that says so. It matters to createTask alone.
	alsoOfGateways bool
	// holds is what else of this process waits too.
	holds held
}

var (
	verdict         = class{}
	expectedVerdict = class{benign: true}
	transient       = class{retryable: true}
	unavailable     = class{retryable: true, alsoOfGateways: true}
	// The service bans an address for taking too little notice of it.
	noSlot = class{retryable: true, holds: submissions}
	// Bans last 5 to 10 minutes.
	banned = class{retryable: true, delay: 3 * time.Minute, holds: everything}
)

// byMethod is what is done about one code of the service. Both report methods have one class.
type byMethod struct{ getTaskResult, createTask, getBalance, report class }

// of returns the class for a method.
func (b byMethod) of(method string) class {
	switch method {
	case GetTaskResultActivity:
		return b.getTaskResult
	case CreateTaskActivity:
		return b.createTask
	case GetBalanceActivity:
		return b.getBalance
	default:
		return b.report
	}
}

// serviceErrorClasses has every code of the service's error table
// (https://2captcha.com/api-docs/error-codes), and at the end those that relatives of the service
// add to it. A code that is missing here is a verdict. For createTask,
// [createTaskMeanings] has what a code means on which HTTP status.
var serviceErrorClasses = map[string]byMethod{
	// Five requests with a wrong key get the address banned. If the next request has another key, it
	// is transient.
	twocaptcha.ErrorKeyDoesNotExist:         {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorNoSlotAvailable:         {transient, noSlot, transient, transient},
	twocaptcha.ErrorZeroCaptchaFileSize:     {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorTooBigCaptchaFileSize:   {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorPageURL:                 {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorZeroBalance:             {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorIPNotAllowed:            {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorCaptchaUnsolvable:       {expectedVerdict, verdict, verdict, verdict},
	twocaptcha.ErrorBadDuplicates:           {expectedVerdict, verdict, verdict, verdict},
	twocaptcha.ErrorNoSuchMethod:            {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorImageTypeNotSupported:   {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorNoSuchCapchaID:          {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorIPBlocked:               {banned, banned, banned, banned},
	twocaptcha.ErrorTaskAbsent:              {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorTaskNotSupported:        {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorRecaptchaInvalidSitekey: {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorAccountSuspended:        {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorBadParameters:           {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorBadImgInstructions:      {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorBadProxy:                {verdict, verdict, verdict, verdict},
	twocaptcha.ErrorTooMuchRequests:         {transient, transient, transient, transient},
	twocaptcha.ErrorRateLimit:               {transient, transient, transient, transient},
	twocaptcha.ErrorServiceUnavaliable:      {transient, unavailable, transient, transient},
}

// transportErrorClasses has every reason for which a request brings neither a result nor an error
// of the service, with the outcome that the metrics count.
var transportErrorClasses = map[twocaptcha.Reason]struct {
	errorType string
	class     class
	outcome   string
}{
	twocaptcha.ReasonConnection: {ErrorTypeRequestFailed, transient, outcomeTransportError},
	twocaptcha.ReasonStatus:     {ErrorTypeRequestFailed, transient, outcomeHTTPError},
	twocaptcha.ReasonClientKey:  {ErrorTypeRequestFailed, transient, outcomeNotSent}, // a key file that is being replaced will be there again
	twocaptcha.ReasonInput:      {ErrorTypeInvalidInput, verdict, outcomeNotSent},
	twocaptcha.ReasonUnreadable: {ErrorTypeUnexpectedResponse, transient, outcomeUnexpectedResponse},
	twocaptcha.ReasonUnexpected: {ErrorTypeUnexpectedResponse, transient, outcomeUnexpectedResponse},
	twocaptcha.ReasonNoCode:     {ErrorTypeUnexpectedResponse, verdict, outcomeUnexpectedResponse},
	twocaptcha.ReasonTooLarge:   {ErrorTypeUnexpectedResponse, verdict, outcomeUnexpectedResponse}, // the same answer would come again
}

// Retry-After is honored within these bounds: the service wants 5 seconds between two requests for
// a task, and a solution that waits longer than a minute may expire.
const (
	minRetryAfter = 5 * time.Second
	maxRetryAfter = time.Minute
)

// honored returns what a Retry-After asks for within those bounds; 0 if there was none.
func honored(retryAfter time.Duration) time.Duration {
	if retryAfter <= 0 {
		return 0
	}
	return min(max(retryAfter, minRetryAfter), maxRetryAfter)
}

// heldBackBy returns which requests of this process the client's error holds back, and for how
// long. cause is what the service has said.
func heldBackBy(method string, err error) (what held, cause string, delay time.Duration) {
	var serviceError *twocaptcha.ServiceError
	var transportError *twocaptcha.TransportError
	var class class
	var status int
	var retryAfter time.Duration
	switch {
	case errors.As(err, &serviceError):
		class, cause = serviceErrorClasses[serviceError.Code].of(method), serviceError.Code
		status, retryAfter = serviceError.HTTPStatus, honored(serviceError.RetryAfter)
	case errors.As(err, &transportError):
		status, retryAfter = transportError.HTTPStatus, honored(transportError.RetryAfter)
	}
	switch {
	case class.holds == everything:
		return everything, cause, class.delay
	case status == http.StatusTooManyRequests && retryAfter > 0:
		return everything, "HTTP 429 and Retry-After", retryAfter
	case class.holds == submissions:
		return submissions, cause, cmp.Or(retryAfter, schedule.FirstRetryDelay)
	}
	return nothing, "", 0
}

// meaning is what a createTask request that brought no task says of the purchase.
type meaning int

const (
	repeated       meaning = iota // nothing was bought, and a repeat may succeed
	refused                       // nothing was bought, and a repeat would not help
	unknownOutcome                // the task may have been bought
)

// createTaskAnswer is what came of a createTask request that brought no task.
type createTaskAnswer struct {
	code    string // the service's; "" if it gave none
	status  int    // of HTTP; 0 if no answer began
	notSent bool   // the request is known not to have been written in full
	// namesTask tells that the answer has a task's id all the same.
	namesTask bool
	// keySetAside tells that the code is of a key that the next request does not have.
	keySetAside bool
}

// class returns the class of the answer's code.
func (a createTaskAnswer) class() (known bool, class class) {
	row, known := serviceErrorClasses[a.code]
	return known, row.of(CreateTaskActivity)
}

// isDoubtful tells whether the status says that somebody gave up waiting for the service, which may
// have bought the task all the same.
func (a createTaskAnswer) isDoubtful() bool {
	const clientClosedRequest = 499 // of nginx
	return a.status == http.StatusRequestTimeout || a.status == clientClosedRequest || a.status >= 500
}

// createTaskMeanings says what an answer means. The first row that fits counts; the last one fits
// always.
var createTaskMeanings = []struct {
	fits  func(a createTaskAnswer) bool
	means meaning
}{
	{func(a createTaskAnswer) bool { return a.keySetAside }, repeated},
	{func(a createTaskAnswer) bool { return a.notSent && a.status == 0 }, repeated},
	{func(a createTaskAnswer) bool {
		known, class := a.class()
		return known && class.retryable && !(class.alsoOfGateways && a.isDoubtful())
	}, repeated},
	{func(a createTaskAnswer) bool {
		known, class := a.class()
		return known && !class.retryable
	}, refused},
	{func(a createTaskAnswer) bool {
		return a.status == http.StatusTooEarly || a.status == http.StatusTooManyRequests
	}, repeated},
	{func(a createTaskAnswer) bool { return a.code != "" && !a.isDoubtful() }, refused},
	{func(a createTaskAnswer) bool {
		return a.status >= 300 && a.status < 500 && !a.isDoubtful() && !a.namesTask
	}, refused},
	{func(a createTaskAnswer) bool { return a.notSent }, repeated},
	{func(createTaskAnswer) bool { return true }, unknownOutcome},
}

func (a createTaskAnswer) means() meaning {
	for _, row := range createTaskMeanings {
		if row.fits(a) {
			return row.means
		}
	}
	panic("unreachable: the last row fits always")
}

// failure is a request that failed: of which method, and the details that are known before it is
// sent.
type failure struct {
	method  string
	details ErrorDetails
	mark    submission.Mark // of createTask
	delay   time.Duration   // that the breaker asks for in place of its class's; 0: none
}

// classify turns a client's error into the ApplicationError that Temporal and the caller act on.
// The texts in it come from twocaptcha, which has made them safe.
func (f failure) classify(err error) error {
	var serviceError *twocaptcha.ServiceError
	var transportError *twocaptcha.TransportError
	var classified *temporal.ApplicationError
	switch {
	case errors.As(err, &classified):
		return err
	case f.method == CreateTaskActivity:
		return f.classifyPurchase(err)
	case errors.As(err, &serviceError):
		f.details.ErrorID, f.details.ErrorCode = serviceError.ErrorID, serviceError.Code
		f.details.ErrorDescription = serviceError.Description
		if isOwnWord(serviceError.Code) {
			return newAttemptError(ownWordText(f.method, serviceError.Code), ErrorTypeUnexpectedResponse, verdict, f.details)
		}
		untasked := *serviceError
		untasked.TaskID = 0
		f.details.LastError = untasked.Error()
		class := serviceErrorClasses[serviceError.Code].of(f.method)
		if serviceError.KeySetAside {
			class = transient
		}
		return f.newError(err.Error(), serviceError.Code, class, serviceError.RetryAfter)
	case errors.As(err, &transportError):
		f.details.ErrorID = transportError.ErrorID
		untasked := *transportError
		untasked.TaskID = 0
		f.details.LastError = untasked.Error()
		row := transportErrorClasses[transportError.Reason]
		return f.newError(err.Error(), row.errorType, row.class, transportError.RetryAfter)
	}
	return err
}

func (f failure) newError(text, errorType string, class class, retryAfter time.Duration) error {
	class.delay = cmp.Or(f.delay, class.delay)
	return newError(text, errorType, class, retryAfter, f.details)
}

// classifyPurchase is classify for createTask, by what the failure says of the purchase.
func (f failure) classifyPurchase(err error) error {
	var serviceError *twocaptcha.ServiceError
	var transportError *twocaptcha.TransportError
	var answer createTaskAnswer
	var retryAfter time.Duration
	switch {
	case errors.As(err, &serviceError):
		answer = createTaskAnswer{code: serviceError.Code, status: serviceError.HTTPStatus, notSent: serviceError.NotSent,
			keySetAside: serviceError.KeySetAside}
		retryAfter = serviceError.RetryAfter
		f.details.ErrorID, f.details.ErrorCode = serviceError.ErrorID, serviceError.Code
		f.details.ErrorDescription = serviceError.Description
	case errors.As(err, &transportError):
		answer = createTaskAnswer{
			status: transportError.HTTPStatus, notSent: transportError.NotSent, namesTask: transportError.NamesTask,
		}
		retryAfter = transportError.RetryAfter
		f.details.ErrorID = transportError.ErrorID
	}
	f.details.LastError = err.Error()
	_, class := answer.class()
	switch answer.means() {
	case repeated:
		class.retryable = true
		if isOwnWord(answer.code) {
			answer.code, f.details.ErrorCode = "", ""
		}
		err := f.newError(err.Error(), cmp.Or(answer.code, ErrorTypeRequestFailed), class, retryAfter)
		if answer.status != 0 {
			err = withDetail(err, submission.Answered{HTTPStatus: answer.status})
		}
		return err
	case refused:
		if isOwnWord(answer.code) {
			return newAttemptError(ownWordText(f.method, answer.code), ErrorTypeUnexpectedResponse, verdict, f.details)
		}
		return newError(err.Error(), cmp.Or(answer.code, ErrorTypeUnexpectedResponse), verdict, 0, f.details)
	}
	return f.outcomeUnknown(err.Error())
}

// outcomeUnknown is the error of an activity that may have bought a task whose id nobody knows.
func (f failure) outcomeUnknown(reason string) error {
	const told = "the task may have been bought, and its id is not known: "
	return newAttemptError(told+message.Shorten(reason, message.MaxBytes-len(told)),
		ErrorTypeCreateTaskOutcomeUnknown, verdict, f.details, f.mark)
}

func ownWordText(method, code string) string {
	return fmt.Sprintf("%s: the service answered with the error code %q, which is the name of an error of this provider",
		method, code)
}

// notSent is the error of an attempt that sends no request.
func (f failure) notSent(reason *notSentReason, more ...any) error {
	return newAttemptError(f.method+": not sent: "+reason.text, ErrorTypeRequestFailed,
		class{retryable: true, delay: reason.delay}, f.details, more...)
}

// newAttemptError is newError with text as the details' LastError and, after the task, as the
// message.
func newAttemptError(text, errorType string, class class, details ErrorDetails, more ...any) error {
	text = message.Shorten(text, message.MaxBytes)
	details.LastError = text
	if details.TaskID != 0 {
		text = fmt.Sprintf("task %d: %s", details.TaskID, text)
	}
	return newError(text, errorType, class, 0, details, more...)
}

func newError(text, errorType string, class class, retryAfter time.Duration, details ErrorDetails, more ...any) error {
	options := temporal.ApplicationErrorOptions{NonRetryable: !class.retryable, Details: append([]any{details}, more...)}
	if class.benign || class.retryable {
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	switch {
	case !class.retryable:
	case class.delay > 0:
		options.NextRetryDelay = class.delay
	default:
		options.NextRetryDelay = honored(retryAfter)
	}
	return temporal.NewApplicationErrorWithOptions(message.Shorten(text, message.MaxBytes), errorType, options)
}

// isBenign tells whether an error is one that the SDK logs at debug.
func isBenign(err error) bool {
	var failed *temporal.ApplicationError
	return errors.As(err, &failed) && failed.Category() == temporal.ApplicationErrorCategoryBenign
}

// detailsOf are the details of one of this package's errors, which this process has made.
func detailsOf(err error) (details ErrorDetails) {
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		_ = failed.Details(&details)
	}
	return details
}

func newInvalidInput(taskID int64, text string) error {
	return newError(text, ErrorTypeInvalidInput, verdict, 0, ErrorDetails{TaskID: max(taskID, 0)})
}
