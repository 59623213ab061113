package workflows

import (
	"time"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// AwaitTaskResultOutput is a task's result. What the service left out is left out.
type AwaitTaskResultOutput struct {
	TaskID int64 `json:"taskId"`
	twocaptcha.TaskResult
	// Polls is how many polls it took, each one run of the getTaskResult activity, whatever its attempts; with
	// PollingActivityRetry each attempt.
	Polls int `json:"polls"`
}

// AwaitTaskResultStatus is what the query [StatusQuery] is answered with. What does not apply is left out.
type AwaitTaskResultStatus struct {
	TaskID int64 `json:"taskId"`
	// State is StateWaiting, StatePolling, StateReady or StateFailed.
	State string `json:"state"`
	// Polls counts the polls that have ended. With PollingActivityRetry they are counted, and dated, with the activity whose attempts
	// they are, so that while it runs LastPollAt is its begin.
	Polls      int        `json:"polls"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	LastPollAt *time.Time `json:"lastPollAt,omitempty"`
	NextPollAt *time.Time `json:"nextPollAt,omitempty"`
	Deadline   *time.Time `json:"deadline,omitempty"`
	// LastStatus is what the service last answered, LastError what a poll or the wait last failed with.
	LastStatus string `json:"lastStatus,omitempty"`
	LastError  string `json:"lastError,omitempty"`
}
