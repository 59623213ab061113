package workflows

import "time"

// AwaitTaskResultStatus is the answer to the query [StatusQuery]. What does not apply is left out.
type AwaitTaskResultStatus struct {
	// TaskID is the task that is waited for.
	TaskID int64 `json:"taskId,omitempty"`
	// State is StateWaiting, StatePolling, StateReady, StateFailed or StateCanceled, or one of a later
	// version. SolveTask also has StateSubmitting and StateOutcomeUnknown.
	State State `json:"state"`
	// Polls counts the polls that have ended. With PollingActivityRetry they are counted, and dated,
	// when their activity ends; while it runs, LastPollAt is when it began.
	Polls int `json:"polls"`
	// StartedAt is when the wait began, also if it continued as new since.
	StartedAt *time.Time `json:"startedAt,omitempty"`
	// LastPollAt is when the last poll began.
	LastPollAt *time.Time `json:"lastPollAt,omitempty"`
	// NextPollAt is when the next poll is due, if one is waited for.
	NextPollAt *time.Time `json:"nextPollAt,omitempty"`
	// Deadline is when the last poll is due.
	Deadline *time.Time `json:"deadline,omitempty"`
	// LastStatus is what the service last answered.
	LastStatus string `json:"lastStatus,omitempty"`
	// LastError is what a poll last failed with, or the error that the wait ended with.
	LastError string `json:"lastError,omitempty"`
}

// status answers the query.
func (w *wait) status() (AwaitTaskResultStatus, error) {
	return AwaitTaskResultStatus{
		TaskID:     w.settings.TaskID,
		State:      w.state,
		Polls:      w.Polls,
		StartedAt:  inStatus(w.StartedAt),
		LastPollAt: inStatus(w.LastPollAt),
		NextPollAt: inStatus(w.nextPollAt),
		Deadline:   inStatus(w.schedule.Deadline),
		LastStatus: w.LastStatus,
		LastError:  w.LastError,
	}, nil
}

func inStatus(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
