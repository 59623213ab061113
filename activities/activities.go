package activities

import (
	"go.temporal.io/sdk/activity"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The activity types. But for PollTaskResultActivity, they are the API's method names.
const (
	// GetTaskResultActivity is the activity type of [Activities.GetTaskResult].
	GetTaskResultActivity = "getTaskResult"
	// PollTaskResultActivity polls by its own attempts. Its input and output are between this
	// project's workflows and activities alone, and change without notice.
	PollTaskResultActivity = "pollTaskResult"
)

// Activities are the API's methods for one account. They are safe for concurrent use.
type Activities struct {
	client *twocaptcha.Client
}

// New returns activities that send their requests through client.
func New(client *twocaptcha.Client) *Activities {
	return &Activities{client: client}
}

// Register registers every activity under its name.
func (a *Activities) Register(registry interface {
	RegisterActivityWithOptions(any, activity.RegisterOptions)
}) {
	registry.RegisterActivityWithOptions(a.GetTaskResult, activity.RegisterOptions{Name: GetTaskResultActivity})
	registry.RegisterActivityWithOptions(a.pollTaskResult, activity.RegisterOptions{Name: PollTaskResultActivity})
}
