package workflows

import (
	"cmp"
	"fmt"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

const (
	defaultInitialDelay    = 5 * time.Second
	defaultPollInterval    = schedule.MinInterval
	defaultMaxPollInterval = 10 * time.Second
	defaultTimeout         = 15 * time.Minute // as long as the service keeps a result

	// With a callback polls are a fallback. The first one makes up for a callback that came before the
	// wait began.
	defaultCallbackInitialDelay = 20 * time.Second
	defaultCallbackPollInterval = time.Minute

	maxDuration = 24 * time.Hour
)

// Polling is a way to poll.
type Polling string

const (
	// PollingTimer has a durable timer and an activity for each poll. The history shows each poll, and
	// a wake-up counts at once.
	PollingTimer Polling = "timer"
	// PollingActivityRetry has one activity, whose attempts are the polls: the history has 16 events
	// however many polls there are. The history doesn't show them. A wake-up cancels the activity,
	// which is followed by another one.
	PollingActivityRetry Polling = "activityRetry"
)

// AwaitTaskResultInput says which task is waited for, and how. Only TaskID is required.
//
// In JSON the names are taskId, initialDelay, pollInterval, maxPollInterval, timeout, callback and
// polling, and durations are strings with a unit, like "5s".
type AwaitTaskResultInput struct {
	// TaskID is what createTask answered.
	TaskID int64
	// InitialDelay is from the workflow's start to the first poll; 0 is 5 seconds, with Callback 20,
	// and a millisecond means almost at once.
	InitialDelay time.Duration
	// PollInterval is the least time between two polls, at least 5 seconds; 0 is 5 seconds, with
	// Callback 60.
	PollInterval time.Duration
	// MaxPollInterval is the most time between two polls, up to a jitter of 10 %; 0 is the larger of
	// 10 seconds and PollInterval.
	MaxPollInterval time.Duration
	// Timeout is from the workflow's start to the last poll, at most 24 hours; 0 is 15 minutes. A
	// start delay is part of it: use InitialDelay instead.
	Timeout time.Duration
	// Callback tells that a wake-up is expected once the task has ended, so that polls are a fallback.
	// With [Await] it takes [WithCallbacks].
	Callback bool
	// Polling is PollingTimer or PollingActivityRetry; "" is PollingTimer.
	Polling Polling

	// continued is what the previous run handed on, which no caller can set.
	continued *progress
	// problem is what was wrong with the JSON. It is kept here since an error of UnmarshalJSON would
	// end the workflow with an error type that says nothing and that a parent may retry.
	problem string
}

// Validate returns nil, or the error that the workflow would end with: an ApplicationError of type
// InvalidInput that names the field and what it takes.
func (in AwaitTaskResultInput) Validate() error {
	if problem := in.firstProblem(); problem != "" {
		return newInvalidInput(in.TaskID, problem)
	}
	return nil
}

func (in AwaitTaskResultInput) firstProblem() string {
	if in.problem != "" {
		return in.problem
	}
	for _, property := range in.properties() {
		if problem := property.check(); problem != "" {
			return problem
		}
	}
	return in.problemOfIntervals()
}

// problemOfIntervals says what is wrong with the poll intervals taken together.
func (in AwaitTaskResultInput) problemOfIntervals() string {
	settings := in.withDefaults()
	switch {
	case settings.PollInterval < schedule.MinInterval:
		return fmt.Sprintf(`pollInterval is %s: it takes a duration from "5s" to "24h", since the service bans those who ask more often`,
			settings.PollInterval)
	case settings.MaxPollInterval < settings.PollInterval:
		return fmt.Sprintf(`maxPollInterval is %s: it takes a duration from pollInterval, %s, to "24h"`,
			settings.MaxPollInterval, settings.PollInterval)
	}
	return ""
}

// withDefaults replaces each zero with its default.
func (in AwaitTaskResultInput) withDefaults() AwaitTaskResultInput {
	for _, property := range in.properties() {
		property.setDefault()
	}
	return in
}

// properties is the table of the input's JSON properties, each bound to its field.
func (in *AwaitTaskResultInput) properties() []property {
	initialDelay, pollInterval := defaultInitialDelay, defaultPollInterval
	if in.Callback {
		initialDelay, pollInterval = defaultCallbackInitialDelay, defaultCallbackPollInterval
	}
	maxPollInterval := max(defaultMaxPollInterval, cmp.Or(in.PollInterval, pollInterval))
	return []property{
		taskIDProperty("taskId", &in.TaskID),
		durationProperty("initialDelay", &in.InitialDelay, "1ms", initialDelay),
		durationProperty("pollInterval", &in.PollInterval, "5s", pollInterval),
		durationProperty("maxPollInterval", &in.MaxPollInterval, "5s", maxPollInterval),
		durationProperty("timeout", &in.Timeout, "1ms", defaultTimeout),
		boolProperty("callback", &in.Callback),
		choiceProperty("polling", &in.Polling, PollingTimer, PollingActivityRetry),
		continuedProperty("continued", &in.continued),
	}
}

func (in *AwaitTaskResultInput) problemField() *string { return &in.problem }

func (in *AwaitTaskResultInput) takes() string { return takesInput }

func (in *AwaitTaskResultInput) subject() string { return fmt.Sprintf("task %d", in.TaskID) }

func (in *AwaitTaskResultInput) problemOfContinued(startedAt time.Time) string {
	return in.continued.problem(startedAt)
}
