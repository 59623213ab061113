package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

const (
	// noticedWithin is how long a busy machine takes at most until a worker has noticed an answer, and
	// until requests have arrived that it sent before.
	noticedWithin = 2 * time.Second

	// markTimeout is how much later a createTask request may be sent if the Temporal server is away,
	// which must know of it first.
	markTimeout = 5 * time.Second

	createTaskPath = "/createTask"
)

// pauses are the answers after which a worker's process sends nothing for so long.
var pauses = map[string]time.Duration{
	simulator.Error(harness.IPBlocked).String(): 3 * time.Minute,
	simulator.RetryAfter(429, "7").String():     7 * time.Second,
	simulator.RetryAfter(429, "1").String():     5 * time.Second,
}

// noSlotPause is how long a worker's process submits nothing after a createTask request found no
// slot.
const noSlotPause = 5 * time.Second

// processRecord is what is known of one worker process.
type processRecord struct {
	requests []simulator.Request // in order of arrival
	freezes  []incident          // in their order
	outages  []incident          // of the Temporal server
}

// pause is a time in which a process must not send.
type pause struct {
	submissions     bool // createTask alone
	noticed, until  time.Time
	noticedInOutage time.Time // by a request that waits for the Temporal server
}

// pauseAfter returns the pause that the answer to a request asks for, or false if it asks for none,
// or if a freeze may have kept the process from reading it in time.
func (p processRecord) pauseAfter(answered simulator.Request) (pause, bool) {
	delay, told := pauses[answered.Answer]
	submissions := answered.Path == createTaskPath && answered.Answer == simulator.Error(harness.NoSlotAvailable).String()
	if submissions {
		delay, told = noSlotPause, true
	}
	if !told || answered.Finished.IsZero() {
		return pause{}, false
	}
	noticed := answered.Finished.Add(noticedWithin)
	for _, freeze := range p.freezes {
		if freeze.from.After(noticed) || freeze.to.Before(answered.Arrived) {
			continue
		}
		if freeze.to.Sub(answered.Arrived) > answerTimeout/2 {
			return pause{}, false
		}
		noticed = freeze.to.Add(noticedWithin)
	}
	asked := pause{submissions: submissions, noticed: noticed, noticedInOutage: noticed, until: answered.Finished.Add(delay)}
	for _, outage := range p.outages {
		if !outage.from.After(noticed) && !outage.to.Before(answered.Finished.Add(-markTimeout)) {
			asked.noticedInOutage = noticed.Add(markTimeout)
		}
	}
	return asked, true
}

// forbids tells whether a request should not have been sent.
func (p pause) forbids(request simulator.Request) bool {
	noticed, isSubmission := p.noticed, request.Path == createTaskPath
	if isSubmission {
		noticed = p.noticedInOutage
	}
	return (isSubmission || !p.submissions) && request.Arrived.After(noticed) && request.Arrived.Before(p.until)
}

// problems counts the pauses that the service asked of the process, and says which requests came in
// them.
func (p processRecord) problems() (asked int, problems []string) {
	for _, answered := range p.requests {
		pause, told := p.pauseAfter(answered)
		if !told {
			continue
		}
		asked++
		for _, request := range p.requests {
			if pause.forbids(request) {
				problems = append(problems, fmt.Sprintf("%s of task %d came %s after it was told to wait by %q", request.Path,
					request.TaskID, request.Arrived.Sub(answered.Finished), answered.Answer))
			}
		}
	}
	return asked, problems
}

// checkPauses finds requests of worker processes that the service had told to wait.
func (r *disturbedRun) checkPauses(findings *runFindings) {
	records := map[string]*processRecord{}
	for _, request := range r.service.Requests() {
		if records[request.Host] == nil {
			records[request.Host] = &processRecord{}
		}
		record := records[request.Host]
		record.requests = append(record.requests, request)
	}
	happened := r.happened(r.begun, time.Now())
	for host, record := range records {
		process, known := r.processes[host]
		if !known {
			findings.add("", "no worker was given the address %s", host)
		}
		for _, d := range happened {
			switch {
			case d.who == serverName:
				record.outages = append(record.outages, d)
			case d.process == process && d.kind == byStop:
				record.freezes = append(record.freezes, d)
			}
		}
		asked, problems := record.problems()
		findings.pauses += asked
		if len(problems) > 0 {
			findings.add(r.evidenceOn(record.requests, nil), "process %d: %s", process, strings.Join(problems, "; "))
		}
	}
}

// What the judge of a chaos run calls a request in a pause, and what not.
func TestRequestsInAPause(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_800_000_000, 0)
	at := func(after time.Duration, path, answer string) simulator.Request {
		arrived := begun.Add(after)
		return simulator.Request{Path: path, Answer: answer, Arrived: arrived, Finished: arrived}
	}
	poll := func(after time.Duration) simulator.Request { return at(after, "/getTaskResult", "processing") }
	submission := func(after time.Duration) simulator.Request { return at(after, createTaskPath, "created") }
	blocked := at(0, "/getTaskResult", harness.IPBlocked)
	tooMany := at(0, "/getTaskResult", "status 429, retry after 7")
	noSlot := at(0, createTaskPath, harness.NoSlotAvailable)
	disturbed := func(from, to time.Duration) []incident {
		return []incident{{from: begun.Add(from), to: begun.Add(to)}}
	}
	for name, test := range map[string]struct {
		record   processRecord
		asked    int
		problems int
	}{
		"within a ban":                {processRecord{requests: []simulator.Request{blocked, poll(179 * time.Second)}}, 1, 1},
		"after a ban":                 {processRecord{requests: []simulator.Request{blocked, poll(180 * time.Second)}}, 1, 0},
		"on its way":                  {processRecord{requests: []simulator.Request{blocked, poll(time.Second)}}, 1, 0},
		"a submission within a ban":   {processRecord{requests: []simulator.Request{blocked, submission(time.Minute)}}, 1, 1},
		"after a delay that is over":  {processRecord{requests: []simulator.Request{tooMany, poll(7 * time.Second)}}, 1, 0},
		"within a delay":              {processRecord{requests: []simulator.Request{tooMany, poll(6 * time.Second)}}, 1, 1},
		"within the least delay":      {processRecord{requests: []simulator.Request{at(0, "/getTaskResult", "status 429, retry after 1"), poll(4 * time.Second)}}, 1, 1},
		"a delay of another status":   {processRecord{requests: []simulator.Request{at(0, "/getTaskResult", "status 503, retry after 7"), poll(6 * time.Second)}}, 0, 0},
		"a poll without a slot":       {processRecord{requests: []simulator.Request{noSlot, poll(4 * time.Second)}}, 1, 0},
		"a submission without a slot": {processRecord{requests: []simulator.Request{noSlot, submission(4 * time.Second)}}, 1, 1},
		"a poll that finds no slot": {processRecord{requests: []simulator.Request{
			at(0, "/getTaskResult", harness.NoSlotAvailable), submission(4 * time.Second)}}, 0, 0},
		"told while frozen": {processRecord{requests: []simulator.Request{tooMany, poll(4 * time.Second), poll(6 * time.Second)},
			freezes: disturbed(-time.Second, 3*time.Second)}, 1, 1},
		"frozen for too long to be told": {processRecord{requests: []simulator.Request{blocked, poll(time.Minute)},
			freezes: disturbed(time.Second, 20*time.Second)}, 0, 0},
		"frozen later": {processRecord{requests: []simulator.Request{blocked, poll(time.Minute)},
			freezes: disturbed(5*time.Second, 20*time.Second)}, 1, 1},
		"waiting for the Temporal server": {processRecord{requests: []simulator.Request{blocked, submission(6 * time.Second), poll(6 * time.Second)},
			outages: disturbed(time.Second, 8*time.Second)}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, problems := test.record.problems()
			require.Equal(t, test.asked, asked)
			require.Len(t, problems, test.problems)
		})
	}
	fates := newPlan(shortForm, 7, false).tasks
	require.True(t, slices.ContainsFunc(fates, func(task plannedTask) bool { return task.name == toldToWait }),
		"the short form has no pause")
}
