package workflows

import "time"

// progress is how far a wait has come: all that it must know after it continued as new, besides its
// input.
type progress struct {
	StartedAt   time.Time `json:"startedAt"`
	Polls       int       `json:"polls"`
	LastPollAt  time.Time `json:"lastPollAt,omitzero"`
	LastPollEnd time.Time `json:"lastPollEnd,omitzero"`
	// NotBefore is until when a failure asked not to be repeated, if its activity could not wait that
	// long.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// SeenProcessing tells that the service has known the task.
	SeenProcessing bool `json:"seenProcessing,omitempty"`
	// Soon tells that the next poll need not wait for the interval.
	Soon bool `json:"soon,omitempty"`
	// Failures is how many polls in a row have failed that pollTaskResult has handed back; 0 if there
	// was an answer since.
	Failures int `json:"failures,omitempty"`
	// WakeUp tells that a wake-up was received and that no poll has followed it yet.
	WakeUp bool `json:"wakeUp,omitempty"`
	// Called tells that a wake-up was received at any time.
	Called     bool   `json:"called,omitempty"`
	LastStatus string `json:"lastStatus,omitempty"`
	LastError  string `json:"lastError,omitempty"`
}

// problem says why p cannot come from a previous run of a run that started at startedAt, or is
// empty if it can. The clocks of two servers may differ, but not by the longest of all timeouts.
func (p *progress) problem(startedAt time.Time) string {
	switch {
	case p.StartedAt.IsZero():
		return "continued.startedAt is missing"
	case p.StartedAt.After(startedAt.Add(maxDuration)):
		return "continued.startedAt is after the start of this run"
	case p.Polls < 0:
		return "continued.polls is negative"
	case p.Polls > 0 && p.LastPollEnd.IsZero():
		return "continued.lastPollEnd is missing"
	}
	return ""
}
