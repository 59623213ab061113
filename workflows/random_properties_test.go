package workflows_test

import (
	"fmt"
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
func (r *scheduleRecord) problem() string {
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
		for _, property := range []func(*scheduleRecord, *waitRecord) string{
			onlyOneOutcome, nothingAfterTheEnd, rightOutcome, polledOnSchedule, wokenAtOnce, silentWhenTold, everyAttemptSends, countedPolls, withinEvents,
		} {
			if problem := property(r, wait); problem != "" {
				return fmt.Sprintf("wait %d: %s", wait.index, problem)
			}
		}
	}
	return ""
}

// spacing: no two requests for a task are less than 5 seconds apart.
func (r *scheduleRecord) spacing() string {
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

func onlyOneOutcome(_ *scheduleRecord, w *waitRecord) string {
	if w.outcomes != 1 {
		return fmt.Sprintf("%d outcomes", w.outcomes)
	}
	return ""
}

// An attempt under way may end later, and none begins.
func nothingAfterTheEnd(_ *scheduleRecord, w *waitRecord) string {
	for _, poll := range w.polls {
		if poll.scheduled > w.ended {
			return fmt.Sprintf("a poll at %s, after the end at %s", poll.scheduled, w.ended)
		}
		for _, attempt := range poll.attempts {
			if attempt.started > w.ended {
				return fmt.Sprintf("an attempt at %s, after the end at %s", attempt.started, w.ended)
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
func rightOutcome(r *scheduleRecord, w *waitRecord) string {
	code := workflows.ErrorCode(w.err)
	if code == workflows.Canceled {
		switch attempt, kind := w.end(); {
		case r.canceled == 0:
			return "canceled by nobody"
		case w.ended != r.canceled:
			return fmt.Sprintf("the cancellation at %s ended it at %s", r.canceled, w.ended)
		case attempt != nil && attempt.poll.ended && attempt.poll.seen < r.canceled:
			return fmt.Sprintf("canceled, after %s at %s", kind, attempt.ended)
		}
		return ""
	}
	if r.canceled > 0 && w.ended > r.canceled {
		return fmt.Sprintf("the cancellation at %s did not end it; at %s came %v", r.canceled, w.ended, w.err)
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
	if failure, ok := w.err.(*temporal.ApplicationError); !ok || !failure.NonRetryable() {
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
	asked := last.attempts[max(len(last.attempts)-1, 0):]
	settled := last.scheduled
	if last.byRetries && code == workflows.ErrorTypeTaskTimeout && len(asked) > 0 { // its attempts are polls
		settled = asked[0].started
	}
	if settled < w.deadline() {
		return fmt.Sprintf("%s, and the last poll was at %s, before the deadline at %s", code, settled, w.deadline())
	}
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
func (r *scheduleRecord) triedEnough(last *activityRecord) string {
	n := len(last.attempts)
	if n > lastPollAttempts {
		return fmt.Sprintf("%d attempts of the last poll", n)
	}
	if n == lastPollAttempts {
		return ""
	}
	if last.seen-last.scheduled >= lastPollTakes-4*time.Minute { // another delay of 3 minutes would not fit
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

// backAt is when workers are there at that time or next.
func (r *scheduleRecord) backAt(at time.Duration) time.Duration {
	for _, away := range r.schedule.Away {
		if away.holds(at) {
			return time.Duration(away.To)
		}
	}
	return at
}

// window is a time that a poll may be due in.
type window struct{ from, to time.Duration }

func (w window) atLeast(least time.Duration) window {
	return window{max(w.from, least), max(w.to, least)}
}

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

// polledOnSchedule: every activity is scheduled when the schedule, a wake-up, a failure before it
// or the deadline has it, and none of these is forgotten.
func polledOnSchedule(r *scheduleRecord, w *waitRecord) string {
	for index, poll := range w.polls {
		due, earliest, since := w.firstPoll(), w.start, w.start-1
		if index > 0 {
			previous := w.polls[index-1]
			if !previous.ended {
				return fmt.Sprintf("a poll at %s while the one of %s is under way", poll.scheduled, previous.scheduled)
			}
			if running := len(previous.attempts) - 1; running >= 0 && !previous.attempts[running].done {
				return fmt.Sprintf("a poll at %s, without waiting for the attempt of %s", poll.scheduled, previous.attempts[running].started)
			}
			due, earliest = w.pollAfter(previous)
			since = previous.scheduled
			poll.repeats = previous.handedBack() > 0 || previous.byRetries && r.wasHeldBack(previous)
		}
		for _, timer := range w.timers { // one that runs is kept
			if timer.started <= since && timer.due >= earliest {
				due = window{min(due.from, timer.due), max(due.to, timer.due)}
			}
		}
		for _, call := range w.wakeUps {
			at := call.at
			called := max(at, earliest)
			switch {
			case at > poll.scheduled || at < since && (index > 0 || !r.keepsFor(w, call)):
			case index == 0 && at <= w.start && r.maybeTaken(call), index > 0 && at == since, at == poll.scheduled:
				// nobody can tell which was first
				poll.maybeWoken = true
				due.from = min(due.from, called)
			default:
				poll.woken = true
				due = window{min(due.from, called), min(due.to, called)}
			}
		}
		if index > 0 && r.wasHeldBack(w.polls[index-1]) {
			continue // silentWhenTold judges it
		}
		if poll.scheduled < due.from {
			return fmt.Sprintf("poll %d at %s: it is due at %s at the earliest", index+1, poll.scheduled, due.from)
		}
		if latest := r.backAt(due.to); poll.scheduled > latest && !r.heldBack(poll.scheduled) {
			return fmt.Sprintf("poll %d at %s: it is due at %s at the latest", index+1, poll.scheduled, latest)
		}
		if problem := w.attemptsOnSchedule(poll); problem != "" {
			return problem
		}
	}
	return ""
}

func (w *waitRecord) firstPoll() window {
	initialDelay, _, _ := w.intervals()
	return w.stretched(window{w.start + initialDelay, w.start + initialDelay})
}

// pollAfter is when a poll is due that nothing hurries, and when it can be at the earliest.
func (w *waitRecord) pollAfter(previous *activityRecord) (due window, earliest time.Duration) {
	ended := previous.seen
	earliest = ended + leastBetweenRequests
	if delay := previous.handedBack(); delay > 0 {
		earliest = max(earliest, ended+delay)
		return w.soon(ended, earliest), earliest
	}
	if previous.canceled > 0 {
		return w.after(ended), earliest
	}
	if previous.err != nil { // there was no time to repeat it
		earliest = max(earliest, w.deadline())
		return window{earliest, earliest}, earliest
	}
	due = w.after(ended)
	if (!previous.byRetries || previous.repeats) && (previous.woken || previous.maybeWoken) { // once more, 5 seconds later
		soon := w.soon(ended, earliest)
		due.from = min(due.from, soon.from)
		if previous.woken {
			due.to = min(due.to, soon.to)
		}
	}
	return due, earliest
}

// keepsFor tells whether a call before the wait's begin may wake it.
func (r *scheduleRecord) keepsFor(w *waitRecord, call wakeUp) bool {
	return r.schedule.Inline && call.at <= w.start
}

// maybeTaken tells whether another wait may have got the call.
func (r *scheduleRecord) maybeTaken(call wakeUp) bool {
	return call.unnamed || r.severalForOneTask()
}

func (r *scheduleRecord) severalForOneTask() bool {
	return len(r.waits) > 1 && r.waits[0].TaskID == r.waits[1].TaskID
}

// after is when the schedule has a poll after one that ended then.
func (w *waitRecord) after(ended time.Duration) window {
	_, least, most := w.intervals()
	interval := min(max((ended-w.start)*15/100, least), most)
	return w.stretched(window{ended + interval, ended + interval*11/10}).atLeast(ended + leastBetweenRequests)
}

// soon is when a poll is due that need not wait for the interval.
func (w *waitRecord) soon(ended, earliest time.Duration) window {
	return w.stretched(window{earliest, earliest}).atLeast(ended + leastBetweenRequests)
}

// handedBack is the delay for which pollTaskResult has left a failed poll to the workflow; 0 if it
// has not.
func (p *activityRecord) handedBack() time.Duration {
	if !p.byRetries || p.repeats || p.err != nil {
		return 0
	}
	failures := 0
	var last *attemptRecord
	for _, attempt := range p.attempts {
		switch {
		case attempt.fate.Kind.lost() || attempt.request == nil:
		case attempt.request.answer == answerNone:
			failures++
		default:
			failures = 0
		}
		last = attempt
	}
	if failures == 0 || last.request == nil {
		return 0
	}
	if asked := last.fate.asksFor(); asked > 0 {
		return asked
	}
	return min(5*time.Second<<(failures-1), 30*time.Second)
}

// attemptsOnSchedule: the attempts of pollTaskResult are polls by the schedule, and no poll before
// the last is repeated after the deadline.
func (w *waitRecord) attemptsOnSchedule(poll *activityRecord) string {
	requests := 0
	for index, attempt := range poll.attempts {
		if index == 0 {
			continue
		}
		if poll.scheduled < w.deadline() && attempt.request != nil && attempt.started > w.deadline() {
			return fmt.Sprintf("the request at %s repeats one from before the deadline at %s", attempt.request.sent, w.deadline())
		}
		before := poll.attempts[index-1]
		if before.request != nil || before.fate.Kind.lost() { // a lost one may have been sent
			requests++
		}
		if !poll.byRetries || before.request == nil || before.fate.Kind.lost() || before.request.answer != answerProcessing {
			continue
		}
		due := w.after(before.ended)
		if requests == 1 && (poll.woken || poll.maybeWoken) {
			soon := w.soon(before.ended, before.ended+leastBetweenRequests)
			due.from = min(due.from, soon.from)
			if poll.woken {
				due.to = min(due.to, soon.to)
			}
		}
		if attempt.due < due.from || attempt.due > due.to {
			return fmt.Sprintf("attempt %d at %s: it is due from %s to %s", attempt.number, attempt.due, due.from, due.to)
		}
	}
	return ""
}

// wokenAtOnce: a call ends pollTaskResult, which would otherwise wait for its next attempt. One
// that repeats a poll keeps the delay of a failure.
func wokenAtOnce(_ *scheduleRecord, w *waitRecord) string {
	for _, poll := range w.polls {
		for _, call := range w.wakeUps {
			if poll.byRetries && !poll.repeats && call.at > poll.scheduled && poll.ended && call.at < poll.seen &&
				(poll.canceled == 0 || poll.canceled > call.at) {
				return fmt.Sprintf("the call at %s did not wake the activity of %s, which ended at %s", call.at, poll.scheduled, poll.seen)
			}
		}
	}
	return ""
}

// silentWhenTold: while the service has told this process to wait, no request is sent.
func silentWhenTold(r *scheduleRecord, w *waitRecord) string {
	for _, poll := range w.polls {
		for _, attempt := range poll.attempts {
			if attempt.request != nil && r.told(func(ended, told time.Duration) bool {
				return ended < attempt.request.sent && attempt.request.sent < ended+told
			}) {
				return fmt.Sprintf("the request of %s comes while the service has told to wait", attempt.request.sent)
			}
		}
	}
	return ""
}

// heldBack tells whether requests may be held back at that time: for as long as the service told,
// and a tenth of it after that.
func (r *scheduleRecord) heldBack(at time.Duration) bool {
	return r.told(func(ended, told time.Duration) bool { return ended <= at && at <= ended+told+told/10+time.Millisecond })
}

// wasHeldBack tells whether the activity ended with an attempt that was held back: at once, while
// one whose worker is lost ends with its time.
func (r *scheduleRecord) wasHeldBack(poll *activityRecord) bool {
	if len(poll.attempts) == 0 {
		return false
	}
	last := poll.attempts[len(poll.attempts)-1]
	return last.request == nil && last.ended == last.started && r.heldBack(last.started)
}

// told tells whether there is an answer that told this process to wait, by when it ended and how
// long it told.
func (r *scheduleRecord) told(fits func(ended, told time.Duration) bool) bool {
	for _, w := range r.waits {
		for _, poll := range w.polls {
			for _, attempt := range poll.attempts {
				holds := attempt.fate.Kind == fateBlocked || attempt.fate.Kind == fateRateLimit
				told := attempt.fate.asksFor()
				if holds && told > 0 && attempt.request != nil && fits(attempt.request.ended, told) {
					return true
				}
			}
		}
	}
	return false
}

// everyAttemptSends: an attempt sends its request unless another wait has sent one, its activity
// has no time left for the answer, or the service has told to wait.
func everyAttemptSends(r *scheduleRecord, w *waitRecord) string {
	if r.severalForOneTask() {
		return ""
	}
	for _, poll := range w.polls {
		latest := w.deadline()
		if poll.scheduled >= latest {
			latest = poll.scheduled + lastPollTakes - 30*time.Second
		}
		for _, attempt := range poll.attempts {
			if attempt.done && attempt.request == nil && !attempt.fate.Kind.lost() && attempt.started <= latest &&
				!r.heldBack(attempt.started) {
				return fmt.Sprintf("the attempt of %s sent nothing: %v", attempt.started, attempt.err)
			}
		}
	}
	return ""
}

// countedPolls: the outcome says how many polls there were.
func countedPolls(_ *scheduleRecord, w *waitRecord) string {
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
			switch {
			case poll.canceled > 0 && !poll.undisturbed(): // nobody tells the workflow, which goes by the schedule
				most += 1 + int((poll.canceled-poll.scheduled)/leastBetweenRequests)
			case poll.err == nil || poll.canceled > 0: // a failure does not tell
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

// undisturbed tells that the poll's attempts went by the schedule and took no time, and that none
// was due while the server canceled it.
func (p *activityRecord) undisturbed() bool {
	for _, attempt := range p.attempts {
		if attempt.request == nil || !attempt.done || attempt.ended != attempt.due || attempt.request.answer == answerNone ||
			attempt.nextDue > p.canceled && attempt.nextDue <= p.seen {
			return false
		}
	}
	return true
}

// withinEvents: a wait costs what the documentation says. A poll is 11 events, of which its timer
// is 5; what a wait adds, its call, another call and a cancellation are the constants.
func withinEvents(r *scheduleRecord, w *waitRecord) string {
	const (
		workflow, timer, activity, signal = 5, 5, 6, 4
		// A wake-up is a signal, may end an activity, and may leave a timer without its poll.
		call = signal + 1 + timer
	)
	limit := (workflow+timer)*r.runs + (timer+activity)*len(w.polls) + call*len(w.wakeUps) + signal
	events := workflow * r.runs
	for _, started := range w.timers {
		switch {
		case started.due <= w.ended:
			events += timer
		default: // it has not fired
			events++
		}
	}
	for _, poll := range w.polls {
		events += activity
		if poll.canceled > 0 {
			events++
		}
	}
	events += signal * len(w.wakeUps)
	if r.canceled > 0 {
		events += signal
	}
	if events > limit {
		return fmt.Sprintf("%d events for %d activities and %d wake-ups in %d runs: at most %d",
			events, len(w.polls), len(w.wakeUps), r.runs, limit)
	}
	if r.schedule.Inline && len(r.schedule.SuggestAt) > 0 { // the wait can't continue as new
		suggested := time.Duration(r.schedule.SuggestAt[0])
		for _, poll := range w.polls {
			if !poll.byRetries && poll.scheduled > suggested && poll.scheduled < w.deadline() {
				return fmt.Sprintf("the poll at %s costs events although the history is too long since %s", poll.scheduled, suggested)
			}
		}
	}
	if r.schedule.Polling != workflows.PollingActivityRetry {
		return ""
	}
	left := 0 // polls that pollTaskResult has left to the workflow
	for _, poll := range w.polls {
		if poll.repeats {
			left++
		}
	}
	if most := 2 + 2*left + 2*len(w.wakeUps) + r.runs; len(w.polls) > most {
		return fmt.Sprintf("%d activities with %d wake-ups and %d repeats", len(w.polls), len(w.wakeUps), left)
	}
	return ""
}
