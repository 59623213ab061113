package workflows_test

import (
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// scheduleRecord is what happened on a schedule. All times count from the start of its workflow.
type scheduleRecord struct {
	schedule randomSchedule
	waits    []*waitRecord
	requests []*requestRecord
	// canceled is when the workflow heard of its cancellation; 0: never.
	canceled time.Duration
	runs     int
	ended    time.Duration
	// problems are what nobody expected.
	problems []string
}

// waitRecord is what happened to one wait.
type waitRecord struct {
	randomWait
	index    int
	started  bool
	start    time.Duration
	ended    time.Duration
	outcomes int
	out      workflows.AwaitTaskResultOutput
	err      error

	polls    []*activityRecord
	attempts int
	wakeUps  []wakeUp
	timers   []*startedTimer
}

// wakeUp is a call that names the wait's task, or none.
type wakeUp struct {
	at      time.Duration
	unnamed bool
}

// activityRecord is an activity.
type activityRecord struct {
	wait      *waitRecord
	options   workflow.ActivityOptions
	scheduled time.Duration
	byRetries bool
	attempts  []*attemptRecord
	// canceled is when the workflow canceled it; 0: never.
	canceled time.Duration
	// woken tells that a call brought it about, maybeWoken that one may have.
	woken, maybeWoken bool
	// repeats tells that it repeats a poll that pollTaskResult has left to the workflow.
	repeats bool
	// seen is when the workflow heard of its end.
	seen  time.Duration
	ended bool
	err   error
	// heartbeat is what its attempts have left to those after them.
	heartbeat *commonpb.Payloads
	runID     string
	// submission is the name of a submission.
	submission string
}

// attemptRecord is one attempt of an activity. The environment runs it under its name, and in turn.
type attemptRecord struct {
	poll   *activityRecord
	number int
	name   string
	turn   int
	fate   fate

	due     time.Duration
	started time.Duration
	ended   time.Duration
	done    bool           // it has ended, and the activity's end was waited for until then
	nextDue time.Duration  // 0: no attempt was to follow it
	request *requestRecord // nil: it sent none
	err     error
	// reported is what an attempt has told the server of its end, in place of returning it.
	reported client.CompleteActivityOptions
}

type requestRecord struct {
	taskID int64
	sent   time.Duration
	ended  time.Duration
	answer answerKind
}

type startedTimer struct {
	started, due time.Duration
	future       workflow.Future
}

// String tells the history to a person.
func (r *scheduleRecord) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%d runs, ended at %s, canceled at %s\n", r.schedule, r.runs, r.ended, r.canceled)
	for _, w := range r.waits {
		calls := ""
		for _, call := range w.wakeUps {
			calls += " " + call.at.String()
		}
		fmt.Fprintf(&text, "wait %d for task %d, from %s to %s (deadline %s), calls%s\n", w.index, w.TaskID, w.start, w.ended,
			w.deadline(), calls)
		for _, p := range w.polls {
			fmt.Fprintf(&text, "  %s scheduled at %s, end seen at %s, canceled at %s: %v\n", p.options.Summary, p.scheduled, p.seen, p.canceled, p.err)
			for _, a := range p.attempts {
				fmt.Fprintf(&text, "    attempt %d due at %s, started at %s, ended at %s, %s", a.number, a.due, a.started, a.ended, a.fate.Kind)
				if a.request != nil {
					fmt.Fprintf(&text, "; request from %s to %s: %s", a.request.sent, a.request.ended, a.request.answer)
				} else {
					text.WriteString("; not sent")
				}
				fmt.Fprintf(&text, ": %v\n", a.err)
			}
		}
		fmt.Fprintf(&text, "  timers:")
		for _, t := range w.timers {
			fmt.Fprintf(&text, " %s to %s", t.started, t.due)
		}
		if w.err != nil {
			fmt.Fprintf(&text, "\n  outcome: %v\n", w.err)
		} else {
			fmt.Fprintf(&text, "\n  outcome: %s, %s in %d polls\n", w.out.Status, w.out.Solution, w.out.Polls)
		}
	}
	return text.String()
}
