package workflows_test

import (
	"encoding/json"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// randomSchedule is all that happens to one workflow that waits. Times count from its start.
type randomSchedule struct {
	Polling workflows.Polling `json:"polling"`
	// Inline waits run within another workflow. Only of these there is more than one.
	Inline bool         `json:"inline,omitempty"`
	Waits  []randomWait `json:"waits"`
	Calls  []randomCall `json:"calls,omitempty"`
	// CancelAt is when the workflow is canceled; 0: never.
	CancelAt span `json:"cancelAt,omitempty"`
	// SuggestAt are times at which the server suggests to continue as new.
	SuggestAt []span `json:"suggestAt,omitempty"`
	// Away are times without any worker.
	Away []period `json:"away,omitempty"`
	// Describe is what the server says when an attempt asks whether it is due.
	Describe describeKind `json:"describe,omitempty"`
}

type describeKind string

const (
	describeWorks        describeKind = ""
	describeNotPermitted describeKind = "not permitted"
	describeBroken       describeKind = "broken"
)

// randomWait is one wait, and what comes of its task.
type randomWait struct {
	TaskID          int64 `json:"taskId"`
	InitialDelay    span  `json:"initialDelay,omitempty"`
	PollInterval    span  `json:"pollInterval,omitempty"`
	MaxPollInterval span  `json:"maxPollInterval,omitempty"`
	Timeout         span  `json:"timeout,omitempty"`
	Callback        bool  `json:"callback,omitempty"`
	// StartsAt is when an inline wait is called.
	StartsAt span `json:"startsAt,omitempty"`

	// EndsAt is when the task is ready, or fails with Code; 0: never.
	EndsAt span   `json:"endsAt,omitempty"`
	Code   string `json:"code,omitempty"`
	// Attempts are what the first attempts to poll come to. Those after them get the answer that the
	// task's state calls for.
	Attempts []fate `json:"attempts,omitempty"`
	// Outages are times in which attempts come to something else.
	Outages []outage `json:"outages,omitempty"`
}

// fate is what an attempt to poll comes to.
type fate struct {
	Kind fateKind `json:"kind"`
	// Delay is how long the request takes.
	Delay span `json:"delay,omitempty"`
	// RetryAfter is the answer's, in seconds; 0: none.
	RetryAfter int `json:"retryAfter,omitempty"`
}

type outage struct {
	period
	Fate fate `json:"fate"`
}

type period struct {
	From span `json:"from"`
	To   span `json:"to"`
}

func (p period) holds(at time.Duration) bool {
	return at >= time.Duration(p.From) && at < time.Duration(p.To)
}

// randomCall is a signal.
type randomCall struct {
	At   span     `json:"at"`
	Kind callKind `json:"kind"`
	// Wait is the index of the wait whose task it names, unless Kind names another one or none.
	Wait int `json:"wait,omitempty"`
}

type callKind string

const (
	callObject        callKind = `{"taskId": N}`
	callTextInObject  callKind = `{"taskId": "N"}`
	callNumber        callKind = "N"
	callNothing       callKind = "no payload" // for every wait of the workflow
	callOther         callKind = `{"taskId": another}`
	callOtherAsNumber callKind = "another"
)

// span is a duration that is written like "5s".
type span = polling.Duration

func (s randomSchedule) String() string {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (w randomWait) input(polling workflows.Polling) workflows.AwaitTaskResultInput {
	return workflows.AwaitTaskResultInput{
		TaskID: w.TaskID, InitialDelay: time.Duration(w.InitialDelay), PollInterval: time.Duration(w.PollInterval),
		MaxPollInterval: time.Duration(w.MaxPollInterval), Timeout: time.Duration(w.Timeout), Callback: w.Callback,
		Polling: polling,
	}
}

const maxPollsOfRandomWait = 40

func drawSchedule(t *rapid.T, polling workflows.Polling, inline bool) randomSchedule {
	s := randomSchedule{Polling: polling, Inline: inline, Waits: []randomWait{drawWait(t, taskID)}}
	if inline && oneIn(t, 3, "two waits") {
		id := taskID + 1
		if oneIn(t, 3, "for one task") {
			id = taskID
		}
		second := drawWait(t, id)
		second.StartsAt = drawSpan(t, "starts at", 0, 2*time.Minute)
		s.Waits = append(s.Waits, second)
	}
	for range rapid.IntRange(0, 5).Draw(t, "calls") {
		s.Calls = append(s.Calls, drawCall(t, s))
	}
	slices.SortStableFunc(s.Calls, func(a, b randomCall) int { return int(a.At - b.At) })
	drawInterruptions(t, &s)
	describe := []describeKind{describeWorks, describeWorks, describeNotPermitted}
	if len(s.Waits) == 1 { // an attempt that waits for itself does not go by the environment's time, which is too vague for two
		describe = append(describe, describeBroken)
	}
	s.Describe = rapid.SampledFrom(describe).Draw(t, "describe")
	return s
}

// drawInterruptions draws what happens to the workflow from outside.
func drawInterruptions(t *rapid.T, s *randomSchedule) {
	if oneIn(t, 6, "canceled") {
		s.CancelAt = max(drawMoment(t, "canceled at", *s), 1)
	}
	if oneIn(t, 3, "continued") {
		for range rapid.IntRange(1, 3).Draw(t, "continued times") {
			s.SuggestAt = append(s.SuggestAt, drawMoment(t, "suggested at", *s))
		}
		slices.Sort(s.SuggestAt)
	}
	if oneIn(t, 6, "away") {
		from := drawMoment(t, "away from", *s)
		s.Away = append(s.Away, period{from, from + drawSpan(t, "away for", time.Second, 20*time.Minute)})
	}
}

func drawWait(t *rapid.T, id int64) randomWait {
	w := randomWait{TaskID: id, Callback: oneIn(t, 3, "callback")}
	shortest := rapid.SampledFrom([]time.Duration{5 * time.Second, 10 * time.Second, time.Minute, 30 * time.Minute}).
		Draw(t, "poll interval at least")
	w.PollInterval = drawSpan(t, "poll interval", shortest, 2*shortest)
	w.MaxPollInterval = w.PollInterval + drawSpan(t, "max poll interval, above it", 0, 3*shortest)
	if shortest == 5*time.Second && oneIn(t, 2, "default intervals") {
		w.PollInterval, w.MaxPollInterval = 0, 0
	}
	longest := min(maxPollsOfRandomWait*shortest, 24*time.Hour)
	w.Timeout = drawSpan(t, "timeout", 0, longest)
	if w.Timeout == 0 {
		w.Timeout = span(time.Millisecond)
	}
	switch rapid.IntRange(0, 3).Draw(t, "initial delay") {
	case 1:
		w.InitialDelay = span(time.Millisecond)
	case 2:
		w.InitialDelay = drawSpan(t, "initial delay", 100*time.Millisecond, time.Minute)
	case 3:
		w.InitialDelay = drawSpan(t, "initial delay", 100*time.Millisecond, min(time.Duration(w.Timeout)+time.Minute, 24*time.Hour))
	}
	if !oneIn(t, 4, "never ends") {
		w.EndsAt = max(drawAround(t, "ends at", time.Duration(w.Timeout)), 1)
	}
	if w.EndsAt > 0 && oneIn(t, 4, "fails") {
		w.Code = rapid.SampledFrom([]string{"ERROR_CAPTCHA_UNSOLVABLE", "ERROR_NO_SUCH_CAPCHA_ID", "ERROR_NEW"}).Draw(t, "code")
	}
	for range rapid.IntRange(0, 6).Draw(t, "attempts") {
		w.Attempts = append(w.Attempts, drawFate(t))
	}
	if oneIn(t, 2, "outage") {
		from := drawAround(t, "outage from", time.Duration(w.Timeout))
		w.Outages = append(w.Outages, outage{
			period: period{from, from + drawSpan(t, "outage for", time.Second, 6*time.Minute)}, Fate: drawFate(t),
		})
	}
	return w
}

func drawFate(t *rapid.T) fate {
	f := fate{Kind: rapid.SampledFrom(fateKinds).Draw(t, "fate")}
	if oneIn(t, 3, "slow") {
		f.Delay = drawSpan(t, "delay", 0, 14*time.Second)
	}
	if f.Kind.asksForDelay() {
		f.RetryAfter = rapid.IntRange(0, 120).Draw(t, "Retry-After")
	}
	return f
}

func drawCall(t *rapid.T, s randomSchedule) randomCall {
	c := randomCall{
		Kind: rapid.SampledFrom([]callKind{callObject, callTextInObject, callNumber, callNothing, callOther, callOtherAsNumber}).
			Draw(t, "call"),
		Wait: rapid.IntRange(0, len(s.Waits)-1).Draw(t, "call of"),
	}
	wait := s.Waits[c.Wait]
	if wait.EndsAt > 0 && oneIn(t, 3, "on time") { // as the service's callback is
		c.At = wait.StartsAt + wait.EndsAt + drawSpan(t, "after its end", 0, 5*time.Second)
	} else {
		c.At = drawMoment(t, "call at", s)
	}
	return c
}

// drawMoment draws a time that matters for one of the waits.
func drawMoment(t *rapid.T, label string, s randomSchedule) span {
	wait := s.Waits[rapid.IntRange(0, len(s.Waits)-1).Draw(t, label+", of wait")]
	return wait.StartsAt + drawAround(t, label, time.Duration(wait.Timeout))
}

// drawAround draws a time before the deadline, or near it.
func drawAround(t *rapid.T, label string, deadline time.Duration) span {
	if oneIn(t, 3, label+", near the deadline") {
		return max(span(deadline)+drawSpan(t, label+", after the deadline", -time.Minute, time.Minute), 0)
	}
	return drawSpan(t, label, 0, deadline)
}

// step is coarse, so that things happen at the same time now and then.
const step = 100 * time.Millisecond

// drawSpan draws from the whole range alike: rapid's own draws keep to small numbers.
func drawSpan(t *rapid.T, label string, least, most time.Duration) span {
	steps := int64((most - least) / step)
	drawn := steps*rapid.Int64Range(0, 7).Draw(t, label+", eighths")/8 +
		steps*rapid.Int64Range(0, 7).Draw(t, label+", 64ths")/64 +
		rapid.Int64Range(0, steps/64).Draw(t, label+", the rest")
	return span(least.Truncate(step) + time.Duration(drawn)*step)
}

func oneIn(t *rapid.T, n int, label string) bool {
	return rapid.IntRange(0, n-1).Draw(t, label) == n-1
}
