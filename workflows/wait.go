package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	// attemptTimeout leaves room for a request of 15 seconds, and for 5 seconds before it if the
	// attempt can't learn when it is due.
	attemptTimeout = 30 * time.Second

	// The last poll is there to be answered. It waits so long for a worker or its turn, and has so
	// many attempts, with room for delays of 3 minutes that the service asks for.
	lastPollQueueTime = 15 * time.Minute
	lastPollAttempts  = 7
	lastPollTime      = 40 * time.Minute
)

// wait is one wait for a task's result.
type wait struct {
	settings  AwaitTaskResultInput
	schedule  schedule.Schedule
	callbacks *Callbacks // nil: nobody wakes it

	// changed is called when the status has changed; nil: nobody shows it.
	changed func(workflow.Context)
	// unconfirmed tells that the service may not know the task: it is polled one by one, so that the
	// history tells whether it did, until it does.
	unconfirmed bool
	// missed is called when a poll has found the result of a task whose call did not come; nil: it is
	// counted, and nobody is told.
	missed func(workflow.Context)
	// continues returns what continues the workflow as new; nil: it can't.
	continues func(workflow.Context) error

	progress
	state      State
	nextPollAt time.Time
	timers     timers
	wakeUps    *wakeUps
}

// run polls until there is an outcome, and counts it.
func (w *wait) run(ctx workflow.Context) (AwaitTaskResultOutput, error) {
	out, err := w.untilEnd(ctx)
	if !workflow.IsContinueAsNewError(err) {
		w.count(ctx, &out.TaskResult, err)
	}
	return out, err
}

// untilEnd polls until there is an outcome.
func (w *wait) untilEnd(ctx workflow.Context) (AwaitTaskResultOutput, error) {
	if w.callbacks != nil && w.wakeUps == nil {
		w.wakeUps = w.callbacks.join(ctx, w.settings.TaskID)
		defer w.wakeUps.leave()
	}
	for {
		result, err := w.step(ctx)
		switch {
		case workflow.IsContinueAsNewError(err):
			return AwaitTaskResultOutput{}, err
		case err != nil:
			state := StateFailed
			if temporal.IsCanceledError(err) {
				state = StateCanceled
			}
			w.end(ctx, state, err)
			return AwaitTaskResultOutput{}, err
		case result != nil:
			w.end(ctx, StateReady, nil)
			return *result, nil
		}
	}
}

// step waits for the next poll and makes it. It returns nil and nil if the wait goes on.
func (w *wait) step(ctx workflow.Context) (*AwaitTaskResultOutput, error) {
	due, woken, err := w.untilDue(ctx)
	if err != nil {
		return nil, err
	}
	// Which poll is the last is settled here, when it is scheduled, and not when its answer is read:
	// its request must be sent on the deadline or later. The worker may wake hours late.
	last := w.schedule.IsLast(due) || w.schedule.IsLast(workflow.Now(ctx))
	answer, err := w.poll(ctx, last, woken)
	switch verdict := verdictOf(err); {
	case err == nil && answer.Result.Status == twocaptcha.StatusReady:
		w.noteMissedCall(ctx)
		return &AwaitTaskResultOutput{TaskID: w.settings.TaskID, TaskResult: answer.Result, Polls: w.Polls}, nil
	case verdict != nil:
		return nil, newVerdict(w.settings.TaskID, verdict, w.progress)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil && (last || answer.Last):
		return nil, newTaskTimeout(w.settings.TaskID, w.settings.Timeout, w.progress)
	case last:
		return nil, newNoAnswer(w.settings.TaskID, w.progress)
	}
	return nil, nil
}

// untilDue sleeps until the next poll, by the schedule or by a wake-up, and returns when it was due
// and whether it was woken. Its error is the cancellation, or what continues the workflow as new.
func (w *wait) untilDue(ctx workflow.Context) (due time.Time, woken bool, err error) {
	scheduled, earliest := w.schedule.First(), w.StartedAt
	if !w.LastPollEnd.IsZero() {
		scheduled = w.schedule.Next(w.Polls+1, w.LastPollEnd, w.NotBefore)
		earliest = w.LastPollEnd.Add(schedule.MinInterval)
		if w.NotBefore.After(earliest) {
			earliest = w.NotBefore
		}
	}
	// A poll that comes early leaves the timer of the scheduled poll running, so that the wait after
	// it can use it.
	if running, found := w.timers.keep(earliest); found && running.Before(scheduled) {
		scheduled = running
	}
	if soon := w.schedule.Soon(w.LastPollEnd, w.NotBefore); w.Soon && soon.Before(scheduled) {
		scheduled = soon
	}
	for {
		w.receiveWakeUps(ctx)
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			if w.continues != nil {
				return time.Time{}, false, w.continues(ctx)
			}
			w.settings.Polling = PollingActivityRetry
		}
		due := scheduled
		if w.WakeUp && earliest.Before(scheduled) {
			due = earliest
		}
		timer, started := w.timers.at(due)
		if !due.After(workflow.Now(ctx)) || started && timer.future.IsReady() {
			woken := w.WakeUp
			w.WakeUp, w.nextPollAt = false, time.Time{}
			return due, woken, nil
		}
		if !started {
			timer = w.timers.start(ctx, due, w.timerSummary(due))
		}
		w.nextPollAt = due
		w.show(ctx)
		w.untilAny(ctx, timer.future)
		if err := ctx.Err(); err != nil {
			return time.Time{}, false, err
		}
	}
}

// untilAny blocks until future is ready, a signal comes in, or ctx is canceled.
func (w *wait) untilAny(ctx workflow.Context, future workflow.Future) {
	untilAny(ctx, future, w.wakeUps, func(workflow.ReceiveChannel, bool) { w.receiveWakeUps(ctx) })
}

func untilAny(ctx workflow.Context, future workflow.Future, calls *wakeUps, receive func(workflow.ReceiveChannel, bool)) {
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	selector.AddFuture(future, func(workflow.Future) {})
	if calls != nil {
		selector.AddReceive(calls.callbacks.signals, receive)
		selector.AddReceive(calls.wake, receive)
	}
	selector.Select(ctx)
}

func (w *wait) receiveWakeUps(ctx workflow.Context) {
	if w.wakeUps != nil && w.wakeUps.receive(ctx) {
		w.WakeUp, w.Called = true, true
	}
}

// continueAsNew starts the next run of this wait, which goes on from where this run is.
func (w *wait) continueAsNew(ctx workflow.Context) error {
	next := w.settings
	next.continued = &w.progress
	return workflow.NewContinueAsNewError(ctx, AwaitTaskResultWorkflow, handOn(next))
}

func (w *wait) show(ctx workflow.Context) {
	if w.changed != nil {
		w.changed(ctx)
	}
}

func (w *wait) end(ctx workflow.Context, state State, err error) {
	w.state, w.nextPollAt = state, time.Time{}
	if err != nil {
		w.LastError = errorText(err)
	}
	logEnd(ctx, w.settings.TaskID, err, w.Polls, w.StartedAt)
	w.show(ctx)
}
