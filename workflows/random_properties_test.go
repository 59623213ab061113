package workflows_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// What a wait keeps to, written down once more, without the code under test.
const (
	leastBetweenRequests = 5 * time.Second
	lastPollAttempts     = 7
	lastPollWaits        = 15 * time.Minute // for a worker
	lastPollTakes        = 40 * time.Minute
)

// problem returns what is wrong with what happened; "" if nothing is.
func (r *record) problem() string {
	if len(r.problems) > 0 {
		return r.problems[0]
	}
	if problem := r.spacing(); problem != "" {
		return problem
	}
	for _, wait := range r.waits {
		if !wait.started {
			continue
		}
		for _, property := range []func(*record, *waitRecord) string{
			onlyOneOutcome, nothingAfterTheEnd, rightOutcome, polledOnSchedule, attemptsOnSchedule, countedPolls, withinEvents,
		} {
			if problem := property(r, wait); problem != "" {
				return fmt.Sprintf("wait %d: %s", wait.index, problem)
			}
		}
	}
	return ""
}

// spacing: no two requests for a task are less than 5 seconds apart.
func (r *record) spacing() string {
	last := map[int64]*requestRecord{}
	for _, request := range r.requests {
		if before := last[request.taskID]; before != nil && request.sent-before.ended < leastBetweenRequests {
			return fmt.Sprintf("the request at %s came %s after the one before it, which ended at %s",
				request.sent, request.sent-before.ended, before.ended)
		}
		last[request.taskID] = request
	}
	return ""
}

func onlyOneOutcome(_ *record, w *waitRecord) string {
	if w.outcomes != 1 {
		return fmt.Sprintf("%d outcomes", w.outcomes)
	}
	return ""
}

// A request under way may end later, and none begins.
func nothingAfterTheEnd(_ *record, w *waitRecord) string {
	for _, poll := range w.polls {
		if poll.scheduled > w.ended {
			return fmt.Sprintf("a poll at %s, after the end at %s", poll.scheduled, w.ended)
		}
		for _, attempt := range poll.attempts {
			if attempt.request != nil && attempt.request.sent > w.ended {
				return fmt.Sprintf("a request at %s, after the end at %s", attempt.request.sent, w.ended)
			}
		}
	}
	return ""
}

// deadline is when the last poll is due.
func (w *waitRecord) deadline() time.Duration { return w.start + time.Duration(w.Timeout) }

// end is the attempt that the outcome comes from: the first whose answer ends a wait and was heard.
func (w *waitRecord) end() (*attemptRecord, answerKind) {
	for _, poll := range w.polls {
		for _, attempt := range poll.attempts {
			if attempt.request == nil || !attempt.done || attempt.fate.Kind.lost() {
				continue
			}
			if kind := attempt.request.answer; kind == answerReady || kind == answerVerdict {
				return attempt, kind
			}
		}
	}
	return nil, answerNone
}

// rightOutcome: the outcome is the one that the answers call for.
func rightOutcome(r *record, w *waitRecord) string {
	code := workflows.ErrorCode(w.err)
	if r.canceled > 0 || r.schedule.CancelAt == 0 {
		if r.schedule.CancelAt == 0 && code == workflows.Canceled {
			return "canceled by nobody"
		}
	}
	if code == workflows.Canceled {
		if w.ended < r.canceled {
			return fmt.Sprintf("canceled at %s, before %s", w.ended, r.canceled)
		}
		if latest := r.canceled + requestTimeout; w.ended > latest {
			return fmt.Sprintf("the cancellation at %s ended it at %s", r.canceled, w.ended)
		}
		if attempt, kind := w.end(); attempt != nil && attempt.poll.ended && attempt.poll.seen < r.canceled {
			return fmt.Sprintf("canceled, after %s at %s", kind, attempt.ended)
		}
		return ""
	}
	if r.canceled > 0 && w.ended > r.canceled && !(w.polls != nil && w.polls[len(w.polls)-1].seen <= r.canceled+requestTimeout) {
		return fmt.Sprintf("the cancellation at %s didn't end it: %v", r.canceled, w.err)
	}
	attempt, kind := w.end()
	if kind == answerReady {
		switch {
		case w.err != nil:
			return fmt.Sprintf("the answer at %s was ready, and the wait ended with %v", attempt.ended, w.err)
		case w.out.TaskID != w.TaskID || string(w.out.Solution) != randomSolution:
			return fmt.Sprintf("another result: %+v", w.out)
		}
		return ""
	}
	if w.err == nil {
		return fmt.Sprintf("a result that the service didn't give: %+v", w.out)
	}
	failure := outermost(w.err)
	if failure == nil || !failure.NonRetryable() {
		return fmt.Sprintf("the outermost error is not a non-retryable ApplicationError: %v", w.err)
	}
	details, ok := workflows.Details(w.err)
	if !ok || details.TaskID != w.TaskID {
		return fmt.Sprintf("details %+v", details)
	}
	if kind == answerVerdict {
		if code != w.Code {
			return fmt.Sprintf("the answer at %s was %s, and the wait ended with %v", attempt.ended, w.Code, w.err)
		}
		return ""
	}
	if len(w.polls) == 0 {
		return fmt.Sprintf("%v, without a poll", w.err)
	}
	last := w.polls[len(w.polls)-1]
	if last.scheduled < w.deadline() {
		return fmt.Sprintf("%s, and the last poll was at %s, before the deadline at %s", code, last.scheduled, w.deadline())
	}
	if last.byRetries {
		return "the last poll is not getTaskResult"
	}
	asked := last.attempts[max(len(last.attempts)-1, 0):]
	answered := len(asked) == 1 && asked[0].request != nil && asked[0].done && !asked[0].fate.Kind.lost() &&
		asked[0].request.answer == answerProcessing
	switch code {
	case workflows.ErrorTypeTaskTimeout:
		if !answered || asked[0].request.sent < w.deadline() {
			return fmt.Sprintf(`TaskTimeout, and no "processing" after the deadline at %s`, w.deadline())
		}
		return ""
	case "NoAnswer":
		if answered {
			return `NoAnswer, after "processing"`
		}
		return r.triedEnough(last)
	}
	return fmt.Sprintf("nothing calls for this: %v", w.err)
}

// triedEnough: a last poll gives up after 7 attempts, or when no worker comes.
func (r *record) triedEnough(last *pollRecord2) string {
	n := len(last.attempts)
	if n > lastPollAttempts {
		return fmt.Sprintf("%d attempts of the last poll", n)
	}
	if n == lastPollAttempts {
		return ""
	}
	due := last.scheduled
	if n > 0 {
		due = last.attempts[n-1].ended
	}
	if r.backAt(due) != due && last.seen-due >= lastPollWaits || last.seen-last.scheduled >= lastPollTakes-4*time.Minute {
		return ""
	}
	// The next attempt was due when no worker was there.
	for _, away := range r.schedule.Away {
		if time.Duration(away.From) <= last.seen && time.Duration(away.To)-time.Duration(away.From) > lastPollWaits {
			return ""
		}
	}
	return fmt.Sprintf("the last poll was given up after %d attempts: %v", n, last.err)
}

func (r *record) backAt(at time.Duration) time.Duration {
	for _, away := range r.schedule.Away {
		if away.holds(at) {
			return time.Duration(away.To)
		}
	}
	return at
}

// outermost returns the error if it is an ApplicationError, without what a client puts around it.
func outermost(err error) *temporal.ApplicationError {
	failure, _ := err.(*temporal.ApplicationError)
	return failure
}

// window is a time that a poll may be due in.
type window struct{ from, to time.Duration }

func (w window) atLeast(least time.Duration) window { return window{max(w.from, least), max(w.to, least)} }

// stretched is a poll's window if one too near the deadline moves there.
func (w *waitRecord) stretched(due window) window {
	if due.from > w.deadline()-leastBetweenRequests {
		due.from = w.deadline()
	}
	if due.to > w.deadline()-leastBetweenRequests {
		due.to = w.deadline()
	}
	return due
}

// intervals are the wait's settings with their defaults.
func (w *waitRecord) intervals() (initialDelay, least, most time.Duration) {
	initialDelay, least = 5*time.Second, 5*time.Second
	if w.Callback {
		initialDelay, least = 20*time.Second, time.Minute
	}
	if w.InitialDelay != 0 {
		initialDelay = time.Duration(w.InitialDelay)
	}
	if w.PollInterval != 0 {
		least = time.Duration(w.PollInterval)
	}
	most = max(10*time.Second, least)
	if w.MaxPollInterval != 0 {
		most = time.Duration(w.MaxPollInterval)
	}
	return initialDelay, least, most
}

// after is when the schedule has a poll after one that ended then.
func (w *waitRecord) after(ended, notBefore time.Duration) window {
	_, least, most := w.intervals()
	interval := min(max((ended-w.start)*15/100, least), most)
	due := window{ended + interval, ended + interval*11/10}
	return w.stretched(due.atLeast(notBefore)).atLeast(ended + leastBetweenRequests)
}

// polledOnSchedule: every activity is scheduled when the schedule, a wake-up or the wake-up before
// it has it, and none of them is forgotten.
func polledOnSchedule(r *record, w *waitRecord) string {
	initialDelay, _, _ := w.intervals()
	heardAt := slices.Clone(w.wakeUps)
	previous := (*pollRecord2)(nil)
	woken := false // the previous poll followed a wake-up
	for index, poll := range w.polls {
		first := w.start + initialDelay
		due, earliest, since := w.stretched(window{first, first}), w.start, w.start-1
		if previous != nil {
			if !previous.ended {
				return fmt.Sprintf("a poll at %s while the one of %s is under way", poll.scheduled, previous.scheduled)
			}
			notBefore := time.Duration(0)
			if asks := previous.asksFor(); asks > 0 {
				notBefore = previous.seen + asks
			}
			due = w.after(previous.seen, notBefore)
			earliest = max(previous.seen+leastBetweenRequests, notBefore)
			since = previous.scheduled
		}
		// A timer that runs is kept.
		for _, timer := range w.timers {
			if timer.started <= since && timer.due >= earliest && timer.due < due.from {
				due.from = timer.due
			}
		}
		if previous != nil && woken && previous.processing() { // once more, 5 seconds after it
			again := w.stretched(window{earliest, earliest}).atLeast(earliest)
			due.from, due.to = min(due.from, earliest), min(due.to, again.to)
		}
		calls, maybe := false, false
		for _, at := range heardAt {
			switch {
			case at < since || at > poll.scheduled:
			case at == since || at == poll.scheduled: // who was first can't be told
				maybe = true
				due.from = min(due.from, max(at, earliest))
			default:
				calls = true
				called := max(at, earliest)
				due.from, due.to = min(due.from, called), min(due.to, called)
			}
		}
		if poll.scheduled < due.from {
			return fmt.Sprintf("poll %d at %s: it is due at %s at the earliest", index+1, poll.scheduled, due.from)
		}
		if latest := r.backAt(due.to); poll.scheduled > latest {
			return fmt.Sprintf("poll %d at %s: it is due at %s at the latest", index+1, poll.scheduled, latest)
		}
		_ = maybe
		woken = calls
		previous = poll
	}
	return ""
}

// asksFor is the delay that the poll's failure asks for.
func (p *pollRecord2) asksFor() time.Duration {
	if p.err == nil || p.canceled > 0 || len(p.attempts) == 0 {
		return 0
	}
	last := p.attempts[len(p.attempts)-1]
	if last.request == nil || !last.done || errors.As(p.err, new(*temporal.TimeoutError)) {
		return 0
	}
	return last.fate.asksFor()
}

// processing tells that the poll found the task processing.
func (p *pollRecord2) processing() bool {
	if len(p.attempts) == 0 {
		return false
	}
	last := p.attempts[len(p.attempts)-1]
	return !p.byRetries && last.request != nil && last.done && !last.fate.Kind.lost() && last.request.answer == answerProcessing
}

// attemptsOnSchedule: the attempts of pollTaskResult are polls by the schedule, and no request of a
// poll before the last is repeated after the deadline.
func attemptsOnSchedule(r *record, w *waitRecord) string {
	for _, poll := range w.polls {
		for index, attempt := range poll.attempts {
			if index == 0 {
				continue
			}
			if poll.scheduled < w.deadline() && attempt.request != nil && attempt.request.sent > w.deadline() && r.backAt(attempt.due) == attempt.due {
				return fmt.Sprintf("the request at %s repeats one from before the deadline at %s", attempt.request.sent, w.deadline())
			}
			before := poll.attempts[index-1]
			if !poll.byRetries || before.request == nil || before.fate.Kind.lost() || before.request.answer != answerProcessing {
				continue
			}
			if due := w.after(before.ended, 0); attempt.due < due.from || attempt.due > due.to {
				return fmt.Sprintf("attempt %d at %s: it is due from %s to %s", attempt.number, attempt.due, due.from, due.to)
			}
		}
	}
	return ""
}

// countedPolls: the outcome says how many polls there were.
func countedPolls(_ *record, w *waitRecord) string {
	told := w.out.Polls
	if w.err != nil {
		details, ok := workflows.Details(w.err)
		if !ok {
			return ""
		}
		told = details.Polls
	}
	least, most := 0, 0
	for _, poll := range w.polls {
		sent := 0
		for _, attempt := range poll.attempts {
			if attempt.request != nil {
				sent++
			}
		}
		if poll.byRetries {
			most += max(len(poll.attempts), 1)
			if poll.canceled == 0 {
				least += sent
			}
			continue
		}
		most++
		least += min(sent, 1)
	}
	if told < least || told > most {
		return fmt.Sprintf("%d polls are told, and there were %d to %d", told, least, most)
	}
	return ""
}

// withinEvents: a wait costs what the documentation says.
func withinEvents(r *record, w *waitRecord) string {
	timers := len(w.timers)
	if limit := len(w.polls) + len(w.wakeUps) + 1 + r.runs; timers > limit {
		return fmt.Sprintf("%d timers for %d polls and %d wake-ups in %d runs", timers, len(w.polls), len(w.wakeUps), r.runs)
	}
	return ""
}
