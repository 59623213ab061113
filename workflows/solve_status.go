package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"
)

// SolveTaskStatus is SolveTask's answer to the query [StatusQuery]: that of the wait for its task,
// and what SolveTask knows besides. StartedAt is when SolveTask began, TaskID is left out until it
// is known, Polls are summed over all attempts, and Deadline is, until the task is known, by when
// it must be submitted.
type SolveTaskStatus struct {
	AwaitTaskResultStatus
	// Attempts is how many attempts have begun.
	Attempts int `json:"attempts"`
	// TaskIDs are all tasks that were bought, in order.
	TaskIDs []int64 `json:"taskIds,omitempty"`
	// SubmittedAt is when the attempt's task became known, or that nobody knows whether it was bought.
	SubmittedAt *time.Time `json:"submittedAt,omitempty"`
}

// status answers the query.
func (s *solve) status() (SolveTaskStatus, error) {
	var status SolveTaskStatus
	if s.wait != nil {
		status.AwaitTaskResultStatus, _ = s.wait.status() // which never fails
	} else {
		status.Deadline = inStatus(s.deadline())
		status.LastError = s.LastError
	}
	status.TaskID, status.State, status.StartedAt = s.TaskID, s.currentState(), inStatus(s.StartedAt)
	status.Polls, status.Attempts = s.polls(), s.Attempts
	status.TaskIDs, status.SubmittedAt = s.taskIDs(), inStatus(s.SubmittedAt)
	return status, nil
}

// currentState is the wait's while there is one, except when everything has ended.
func (s *solve) currentState() State {
	if s.wait != nil && (s.state == StateSubmitting || s.state == StateOutcomeUnknown) {
		return s.wait.state
	}
	return s.state
}

// deadline is of what SolveTask does without a wait.
func (s *solve) deadline() time.Time {
	if s.Unknown != nil && s.Unknown.Awaited {
		return s.awaitCallUntil()
	}
	return s.submitUntil()
}

// showDetails puts the status into the workflow's current details.
func (s *solve) showDetails(ctx workflow.Context) {
	var text strings.Builder
	if s.wait != nil {
		text.WriteString(s.wait.details())
	} else {
		fmt.Fprintf(&text, "Task: **%s**", s.state)
		if s.state == StateSubmitting || s.state == StateOutcomeUnknown {
			fmt.Fprintf(&text, "\n\nDeadline: %s", s.deadline().UTC().Format(time.RFC3339))
		}
		if s.LastError != "" {
			fmt.Fprintf(&text, "\n\nLast error: %s", asCode(s.LastError))
		}
	}
	fmt.Fprintf(&text, "\n\nAttempts: %d of %d", s.Attempts, s.settings.attempts())
	if taskIDs := s.taskIDs(); len(taskIDs) > 0 {
		fmt.Fprintf(&text, "\n\nBought: %s", strings.Trim(fmt.Sprint(taskIDs), "[]"))
	}
	setDetails(ctx, text.String())
}

// attemptSummary says in a summary which attempt something is of.
func (s *solve) attemptSummary() string {
	return fmt.Sprintf("attempt %d of %d", s.Attempts, s.settings.attempts())
}
