package workflows

import (
	"slices"
	"time"

	"github.com/temporal-providers/temporal-2captcha/activities"
)

// solveProgress is how far a SolveTask has come: all that it must know after it continued as new,
// besides its input. Nothing of the task is in it.
type solveProgress struct {
	StartedAt time.Time `json:"startedAt"`
	// Attempts counts those begun, and AttemptedAt is when the last one began.
	Attempts    int       `json:"attempts"`
	AttemptedAt time.Time `json:"attemptedAt"`

	// Submissions names the attempt's submissions that have bought the task or may have.
	Submissions []string `json:"submissions,omitempty"`
	// Failures is how many submissions in a row have bought nothing, SubmitAt when the next one is
	// due, and LastAnswer the service's code for the last one that was answered; nil: without a code.
	Failures   int        `json:"failures,omitempty"`
	SubmitAt   time.Time  `json:"submitAt,omitzero"`
	LastAnswer *refusal   `json:"lastAnswer,omitempty"`
	Unknown    *unknown   `json:"unknown,omitempty"`
	Calls      *callsToGo `json:"calls,omitempty"`
	// Resubmitted tells that the attempt's task was submitted anew after an unknown outcome.
	Resubmitted bool `json:"resubmitted,omitempty"`

	// TaskID is the attempt's task; 0 until it is known. SubmittedAt is when it became known, or
	// before that, that the outcome is unknown. Callback tells that the service was given an address.
	TaskID      int64     `json:"taskId,omitempty"`
	SubmittedAt time.Time `json:"submittedAt,omitzero"`
	Callback    bool      `json:"callback,omitempty"`
	// Unconfirmed tells that a call alone has named the task, and the service has not known it yet.
	Unconfirmed bool `json:"unconfirmed,omitempty"`
	// Refused are tasks that calls have named, and the service does not know. LastPollEnd is when it
	// said so last.
	Refused     []int64   `json:"refused,omitempty"`
	LastPollEnd time.Time `json:"lastPollEnd,omitzero"`
	// TaskIDs are all tasks that were bought, in order.
	TaskIDs []int64 `json:"taskIds,omitempty"`
	// Polls are those of the waits before this one, and Wait is how far this one has come.
	Polls     int       `json:"polls,omitempty"`
	LastError string    `json:"lastError,omitempty"`
	Wait      *progress `json:"wait,omitempty"`
}

// unknown is the outcome of a submission that may have bought the task.
type unknown struct {
	Since time.Time `json:"since"`
	// Lost tells that no worker reported the outcome: the one that has the answer may still tell it.
	Lost bool `json:"lost,omitempty"`
	// Callback tells that the service has an address to call.
	Callback bool `json:"callback,omitempty"`
	// Awaited tells that a call is waited for; if not, the task is being submitted anew.
	Awaited bool `json:"awaited,omitempty"`
	// Text is what is known of it.
	Text string `json:"text"`
}

// refusal is an error of the service that bought nothing.
type refusal struct {
	Code    string                  `json:"code"`
	Message string                  `json:"message"`
	Details activities.ErrorDetails `json:"details"`
}

// callsToGo are the calls for the attempt's submissions that have not been used yet.
type callsToGo struct {
	TaskIDs []int64 `json:"taskIds,omitempty"`
	Called  bool    `json:"called,omitempty"`
}

// needsTask tells whether the task may still be submitted, by the attempts and the input.
func (p *solveProgress) needsTask(in SolveTaskInput) bool {
	if p.Attempts < in.attempts() {
		return true
	}
	switch {
	case p.TaskID != 0 && !p.Unconfirmed:
		return false
	case p.Unknown != nil && (p.Unknown.Awaited || p.TaskID != 0):
		return in.ResubmitUnknown && !p.Resubmitted
	}
	return true
}

// problem says why p cannot come from a previous run of a run that started at startedAt, or is
// empty if it can.
func (p *solveProgress) problem(startedAt time.Time) string {
	switch {
	case p.StartedAt.IsZero():
		return "continued.startedAt is missing"
	case p.StartedAt.After(startedAt.Add(maxDuration)):
		return "continued.startedAt is after the start of this run"
	case p.AttemptedAt.IsZero():
		return "continued.attemptedAt is missing"
	case p.Attempts <= 0:
		return "continued.attempts is not above 0"
	case p.TaskID < 0 || slices.ContainsFunc(p.TaskIDs, func(id int64) bool { return id <= 0 }):
		return "continued.taskId or a continued.taskIds is not above 0"
	case p.Polls < 0 || p.Failures < 0:
		return "continued.polls or continued.failures is negative"
	case p.TaskID != 0 && p.SubmittedAt.IsZero():
		return "continued.submittedAt is missing"
	case p.Unknown != nil && p.Unknown.Since.IsZero():
		return "continued.unknown.since is missing"
	case p.Wait != nil && p.TaskID == 0:
		return "continued.taskId is missing"
	case p.Wait != nil:
		return p.Wait.problem(startedAt)
	}
	return ""
}
