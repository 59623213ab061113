package activities

import (
	"context"
	"math/big"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The activity types. But for PollTaskResultActivity and SubmitTaskActivity, they are the API's
// method names.
const (
	// GetTaskResultActivity is the activity type of [Activities.GetTaskResult].
	GetTaskResultActivity = "getTaskResult"
	// CreateTaskActivity is the activity type of [Activities.CreateTask].
	CreateTaskActivity = "createTask"
	// GetBalanceActivity is the activity type of [Activities.GetBalance].
	GetBalanceActivity = "getBalance"
	// ReportCorrectActivity is the activity type of [Activities.ReportCorrect].
	ReportCorrectActivity = "reportCorrect"
	// ReportIncorrectActivity is the activity type of [Activities.ReportIncorrect].
	ReportIncorrectActivity = "reportIncorrect"
	// PollTaskResultActivity polls by its own attempts. Its input and output are between this
	// project's workflows and activities alone, and change without notice.
	PollTaskResultActivity = "pollTaskResult"
	// SubmitTaskActivity submits a task for the workflow SolveTask. It is as internal.
	SubmitTaskActivity = "submitTask"
)

// Activities are the API's methods for one account. They are safe for concurrent use.
//
// They remember for each task when they last sent a request for it, and send no other within the
// 5 seconds that the service asks for, whoever runs the activity. After ERROR_IP_BLOCKED, or HTTP
// 429 with Retry-After, they send nothing until that is over, and after ERROR_NO_SLOT_AVAILABLE no
// createTask. Then requests begin one by one, over a tenth of that time. An attempt that is too
// early fails retryably, with the delay that is left.
type Activities struct {
	client *twocaptcha.Client
	clock  func() time.Time // nil: time.Now
	sent   lastRequests
	// service tells the log how the service is.
	service serviceWatch
	// breaker is this process's: the service bans addresses, not tasks.
	breaker breaker
	// callbackAddress makes the address of a submission; nil: the worker takes no callbacks.
	callbackAddress func(workflowID, submission string) (string, error)
	temporalServer  func(context.Context, activity.Info) temporalServer
	// minBalance is below which nothing is submitted; nil: no such floor.
	minBalance *big.Rat
	balance    balance
}

// Option changes what [New] returns.
type Option func(*Activities)

// WithClock has the 5 seconds between two requests for a task, and the times for which the service
// tells to wait, pass by now instead of time.Now, as a test needs that skips time. now must be safe
// for concurrent use. Without this option, or with nil, activities in the SDK's test environments
// keep no distance between requests and hold none back: the time that such an environment skips
// does not pass by time.Now.
func WithClock(now func() time.Time) Option {
	return func(a *Activities) { a.clock = now }
}

// WithCallbackAddress has the submissions of the workflow SolveTask give the service an address,
// whose calls signal the workflow with this id and name the submission. The activity makes the
// address, so that no workflow's history holds it. address must be safe for concurrent use, and
// returns the same address for the same arguments. Its error is not shown. nil: no address is
// given.
func WithCallbackAddress(address func(workflowID, submission string) (string, error)) Option {
	return func(a *Activities) { a.callbackAddress = address }
}

// WithMinBalance has createTask and submitTask end with [ErrorTypeNotSubmitted], without a request,
// while the account's balance is below floor. Before a submission the balance is asked for, unless
// it is less than a minute old. If it can't be learned, the submission is not sent, and fails
// retryably. nil or 0: there is no floor.
func WithMinBalance(floor *big.Rat) Option {
	return func(a *Activities) {
		if floor != nil && floor.Sign() > 0 {
			a.minBalance = floor
		}
	}
}

// New returns activities that send their requests through client.
func New(client *twocaptcha.Client, options ...Option) *Activities {
	a := &Activities{client: client, sent: lastRequests{free: map[int64]time.Time{}}, temporalServer: serverOf}
	for _, option := range options {
		option(a)
	}
	return a
}

// Register registers every activity under its name.
func (a *Activities) Register(registry interface {
	RegisterActivityWithOptions(any, activity.RegisterOptions)
}) {
	for _, each := range []struct {
		name     string
		function any
	}{
		{GetTaskResultActivity, a.GetTaskResult},
		{CreateTaskActivity, a.CreateTask},
		{GetBalanceActivity, a.GetBalance},
		{ReportCorrectActivity, a.ReportCorrect},
		{ReportIncorrectActivity, a.ReportIncorrect},
		{PollTaskResultActivity, a.pollTaskResult},
		{SubmitTaskActivity, a.submitTask},
	} {
		registry.RegisterActivityWithOptions(each.function, activity.RegisterOptions{Name: each.name})
	}
}

func (a *Activities) now() time.Time {
	if a.clock != nil {
		return a.clock()
	}
	return time.Now()
}
