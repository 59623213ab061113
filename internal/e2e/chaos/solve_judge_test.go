package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// solveFindings is what the tasks came to that SolveTask submits.
type solveFindings struct {
	requests     int // createTask
	bought       int
	ready        int
	failed       map[string]int // by error type
	lostAnswers  int            // submissions that a disturbance may have lost
	saidNothing  int            // createTask requests whose answer did not say whether a task was bought
	foundByCalls int            // tasks with an outcome unknown to the worker, that ended with an id
}

func (f *solveFindings) describe(row func(string, any), r *disturbedRun) {
	row("tasks to submit", len(r.plan.solves))
	row("  createTask requests", f.requests)
	row("  bought", f.bought)
	row("  answers that did not say whether a task was bought", f.saidNothing)
	row("  submissions that were lost with their worker", f.lostAnswers)
	row("  unknown outcomes that a call made known", f.foundByCalls)
	row("  ready", f.ready)
	for _, kind := range slices.Sorted(maps.Keys(f.failed)) {
		row("  failed: "+kind, f.failed[kind])
	}
}

// purchase is what one createTask request bought.
type purchase struct {
	creation
	id     int64
	wait   taskRecord
	called []time.Time // when a call that named it was taken
}

// submissionEnd is what the Temporal server recorded of one submission.
type submissionEnd struct {
	unknown bool // whether the task may have been bought
	excused bool // whether a disturbance may have lost the answer
}

// solveRecord is what is known of a SolveTask besides its outcome.
type solveRecord struct {
	begun, ended time.Time
	creations    []creation
	purchases    []purchase
	submissions  []submissionEnd
}

// judgeSolve accounts for one task that SolveTask was to submit.
func (r *disturbedRun) judgeSolve(findings *runFindings, number int, runs []string, replayer worker.WorkflowReplayer) {
	r.t.Helper()
	solve, outcome := r.plan.solves[number], r.solved[number]
	history := r.readHistory(outcome.clientOutcome)
	record := r.solveRecordOf(number, history)
	findings.starts += outcome.started
	evidence := r.evidenceOnSolve(record, history)
	report := func(format string, values ...any) {
		findings.add(evidence, "the task to submit %d (%s): %s", number, solve.name, fmt.Sprintf(format, values...))
	}
	if len(runs) > 1 {
		findings.twice++
		report("it has %d runs", len(runs))
	}
	if !outcome.known {
		findings.lost++
		report("it is lost: %v", outcome.lastError)
		return
	}
	if problem := solve.problem(outcome, record); problem != "" {
		findings.wrong++
		report("it ended with %q (%v) and %+v, but %s", workflows.ErrorCode(outcome.failure), outcome.failure, outcome.output, problem)
	}
	findings.solves.count(outcome, record)
	if problem := disturbedHistoryProblem(history); problem != "" {
		report("its history has %s", problem)
	}
	if err := replayer.ReplayWorkflowHistory(harness.QuietLogger{}, &historypb.History{Events: history}); err != nil {
		report("its history does not replay: %v", err)
	}
}

func (f *solveFindings) count(outcome solveOutcome, record solveRecord) {
	f.requests += len(record.creations)
	f.bought += len(record.purchases)
	unknown := false
	for _, created := range record.creations {
		if created.saysNothing() {
			f.saidNothing++
		}
	}
	for _, submission := range record.submissions {
		unknown = unknown || submission.unknown
		if submission.unknown && submission.excused {
			f.lostAnswers++
		}
	}
	code, details := endOf(outcome)
	if code == "" {
		f.ready++
	} else {
		f.failed[code]++
	}
	if unknown && (code == "" || details.TaskID != 0) {
		f.foundByCalls++
	}
}

// endOf is how a SolveTask ended: "" if it has a result.
func endOf(outcome solveOutcome) (code string, details workflows.ErrorDetails) {
	details, _ = workflows.Details(outcome.failure) // none of what was canceled before it began
	return workflows.ErrorCode(outcome.failure), details
}

// problem says what is not right about a SolveTask, or "".
func (s plannedSolve) problem(outcome solveOutcome, record solveRecord) string {
	if problem := s.purchaseProblem(record); problem != "" {
		return problem
	}
	code, details := endOf(outcome)
	if code == "" {
		return s.resultProblem(outcome.output, record)
	}
	told := slices.Clone(details.TaskIDs)
	if details.TaskID != 0 && !slices.Contains(told, details.TaskID) {
		told = append(told, details.TaskID)
	}
	for _, id := range told {
		if record.purchaseOf(id) == nil {
			return fmt.Sprintf("task %d was not bought for it", id)
		}
	}
	unknown := activities.ErrorTypeCreateTaskOutcomeUnknown
	if code == unknown || code == workflows.Canceled && details.LastError == unknown {
		return s.unknownProblem(record)
	}
	for _, bought := range record.purchases {
		if !slices.Contains(told, bought.id) && !s.input.ResubmitUnknown {
			return fmt.Sprintf("it says nothing of task %d, which was bought", bought.id)
		}
	}
	switch {
	case code == workflows.Canceled && s.cancelAt > 0:
		return ""
	case details.TaskID != 0:
		return s.waitProblem(outcome.clientOutcome, *record.purchaseOf(details.TaskID))
	}
	return s.refusalProblem(code, record)
}

// purchaseProblem says which purchase should not have been made, or "".
func (s plannedSolve) purchaseProblem(record solveRecord) string {
	for i, next := range record.purchases[min(1, len(record.purchases)):] {
		before := record.purchases[i]
		anew := before.outcome == twocaptcha.ErrorCaptchaUnsolvable && before.answeredBefore(next.at, true)
		if !anew && !s.input.ResubmitUnknown {
			return fmt.Sprintf("task %d was bought although task %d had been", next.id, before.id)
		}
	}
	if most := max(s.input.Attempts, 1); len(record.purchases) > most && !s.input.ResubmitUnknown || len(record.purchases) > most+1 {
		return fmt.Sprintf("it bought %d tasks", len(record.purchases))
	}
	for _, created := range record.creations {
		if created.at.After(record.ended) && created.at.Sub(record.ended) > created.after {
			return fmt.Sprintf("a createTask request came %s after its end", created.at.Sub(record.ended))
		}
	}
	for _, bought := range record.purchases {
		for _, request := range bought.wait.requests {
			// The request of a poll that is canceled may be under way.
			late := request.Arrived.Sub(record.ended)
			if request.Refused != "" || late > 0 && s.cancelAt == 0 || late > harness.MinSpacing {
				return fmt.Sprintf("task %d was asked for at %s (%s)", bought.id, request.Arrived, request.Refused)
			}
		}
	}
	return ""
}

// resultProblem says what is not right about a result, or "".
func (s plannedSolve) resultProblem(output workflows.SolveTaskOutput, record solveRecord) string {
	bought := record.purchaseOf(output.TaskID)
	switch {
	case bought == nil:
		return "the task was not bought for it"
	case output.Status != twocaptcha.StatusReady, string(output.Solution) != bought.solution, output.Cost != simulator.Price:
		return fmt.Sprintf("the solution of task %d is %s", bought.id, bought.solution)
	case s.input.ResubmitUnknown: // of the other purchase nobody may know
		return ""
	case len(record.purchases) > 1 && len(output.TaskIDs) != len(record.purchases):
		return fmt.Sprintf("%d tasks were bought", len(record.purchases))
	}
	return ""
}

// unknownProblem says why an outcome must not be told as unknown, or "".
func (s plannedSolve) unknownProblem(record solveRecord) string {
	excused := false
	for _, submission := range record.submissions {
		excused = excused || submission.excused
	}
	for _, created := range record.creations {
		excused = excused || created.saysNothing()
	}
	if !excused {
		return "every answer of createTask reached a worker that lives"
	}
	for _, bought := range record.purchases {
		if bought.outcome != twocaptcha.ErrorCaptchaUnsolvable && bought.answeredBefore(record.ended, false) {
			return fmt.Sprintf("the outcome of task %d was answered", bought.id)
		}
		for _, called := range bought.called {
			if len(bought.wait.requests) == 0 && record.ended.Sub(called) > s.input.Timeout/2 && s.cancelAt == 0 {
				return fmt.Sprintf("a call named task %d %s before its end", bought.id, record.ended.Sub(called))
			}
		}
	}
	return ""
}

// waitProblem says why the wait for a task that was bought must not have failed like that, or "".
func (s plannedSolve) waitProblem(outcome clientOutcome, bought purchase) string {
	code := workflows.ErrorCode(outcome.failure)
	switch {
	case endedByItsDeadline(outcome):
		// Its time begins later than that.
		return bought.wait.deadlineProblem(code, bought.isOutcome, bought.at.Add(s.input.Timeout))
	case code != bought.outcome:
		return fmt.Sprintf("the outcome of task %d is %q", bought.id, bought.outcome)
	}
	return ""
}

// refusalProblem says why it must not have ended with that code, with nothing bought, or "".
func (s plannedSolve) refusalProblem(code string, record solveRecord) string {
	refused := slices.ContainsFunc(record.creations, func(c creation) bool { return c.Refused != nil && c.Refused.String() == code })
	lasted := record.ended.Sub(record.begun)
	switch {
	case code == activities.ErrorTypeNotSubmitted && len(record.creations) == len(record.purchases):
		return ""
	case !refused:
		return "the service said nothing of the kind"
	case code == harness.NoSlotAvailable && lasted < s.input.Timeout/2:
		return fmt.Sprintf("there might have been a slot later than %s", lasted)
	}
	return ""
}

func (p purchase) isOutcome(request simulator.Request) bool {
	return !request.Faulted && request.Answer == p.outcome
}

// answeredBefore tells whether a worker was answered what decides the outcome, or perhaps was.
func (p purchase) answeredBefore(end time.Time, perhaps bool) bool {
	return slices.ContainsFunc(p.wait.requests, func(request recordedRequest) bool {
		return p.isOutcome(request.Request) && request.Finished.Before(end) && (perhaps || !request.lost)
	})
}

func (record solveRecord) purchaseOf(id int64) *purchase {
	for i := range record.purchases {
		if record.purchases[i].id == id {
			return &record.purchases[i]
		}
	}
	return nil
}

func (r *disturbedRun) solveRecordOf(number int, history []*historypb.HistoryEvent) solveRecord {
	r.mutex.Lock()
	record := solveRecord{creations: slices.Clone(r.creations[number])}
	r.mutex.Unlock()
	if len(history) > 0 {
		record.begun, record.ended = history[0].GetEventTime().AsTime(), history[len(history)-1].GetEventTime().AsTime()
	}
	record.submissions = r.submissionsIn(history)
	var bought []simulator.Purchase
	for _, p := range r.service.Purchases() {
		if string(p.Task.Task) == string(r.plan.solves[number].input.Task) {
			bought = append(bought, p)
		}
	}
	for _, created := range record.creations {
		if created.Refused != nil || len(bought) == 0 {
			continue
		}
		p := purchase{creation: created, id: bought[0].TaskID, wait: r.recordOf(bought[0].TaskID, history)}
		bought = bought[1:]
		for _, call := range r.service.CallbacksFor(p.id) {
			if call.ID == p.id && call.HTTPStatus == 200 {
				p.called = append(p.called, call.Finished)
			}
		}
		record.purchases = append(record.purchases, p)
	}
	return record
}

// submissionsIn are a history's submissions that have ended.
func (r *disturbedRun) submissionsIn(history []*historypb.HistoryEvent) (submissions []submissionEnd) {
	scheduled, started := map[int64]bool{}, map[int64]*historypb.HistoryEvent{}
	for _, event := range history {
		scheduledID, failed := int64(0), false
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			name := event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
			scheduled[event.GetEventId()] = name == activities.SubmitTaskActivity
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			started[event.GetActivityTaskStartedEventAttributes().GetScheduledEventId()] = event
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			scheduledID = event.GetActivityTaskCompletedEventAttributes().GetScheduledEventId()
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
			attributes := event.GetActivityTaskFailedEventAttributes()
			scheduledID = attributes.GetScheduledEventId()
			failed = harness.ErrorType(attributes.GetFailure()) == activities.ErrorTypeCreateTaskOutcomeUnknown
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
			attributes := event.GetActivityTaskTimedOutEventAttributes()
			scheduledID = attributes.GetScheduledEventId()
			failed = attributes.GetFailure().GetTimeoutFailureInfo().GetLastHeartbeatDetails() != nil
		}
		if begun := started[scheduledID]; scheduled[scheduledID] && begun != nil {
			identity := begun.GetActivityTaskStartedEventAttributes().GetIdentity()
			excused := r.mayLoseSubmission(identity, begun.GetEventTime().AsTime(), event.GetEventTime().AsTime())
			submissions = append(submissions, submissionEnd{unknown: failed, excused: excused})
		}
	}
	return submissions
}

// mayLoseSubmission tells whether the worker of that identity was disturbed so that it need not
// have reported the answer. An outage of the Temporal server alone loses none. Nor does a worker
// that is told to end, unless the server is away meanwhile.
func (r *disturbedRun) mayLoseSubmission(identity string, from, to time.Time) bool {
	within := r.happened(from, to)
	outage := slices.ContainsFunc(within, func(d incident) bool { return d.who == serverName })
	for _, d := range within {
		if !strings.HasPrefix(identity, strconv.Itoa(d.process)+"@") {
			continue
		}
		frozenOut := d.to.Sub(from) >= answerTimeout-2*time.Second
		if d.kind == byKill || d.kind == byStop && frozenOut || d.kind == byTerm && outage {
			return true
		}
	}
	return false
}

// evidenceOnSolve is everything that is known of a SolveTask, in the order of time.
func (r *disturbedRun) evidenceOnSolve(record solveRecord, history []*historypb.HistoryEvent) string {
	var requests []simulator.Request
	for i, created := range record.creations {
		answer := "bought"
		if created.Refused != nil {
			answer = created.Refused.String()
		}
		requests = append(requests, simulator.Request{
			Path: "createTask", TaskRequest: i + 1, Arrived: created.at.Add(-created.after), Answer: answer, Finished: created.at,
		})
	}
	calls := ""
	for _, bought := range record.purchases {
		for _, request := range r.service.Requests() {
			if request.Created == bought.id || request.TaskID == bought.id {
				requests = append(requests, request)
			}
		}
		for _, call := range r.service.CallbacksFor(bought.id) {
			calls += fmt.Sprintf("  call at %s: %s, of task %d, answered %d %s\n", r.since(call.Sent), call.Callback.Kind,
				call.ID, call.HTTPStatus, call.Error)
		}
	}
	return r.evidenceOn(requests, history) + calls
}

// What the judge of a chaos run calls wrong about money, and what not.
func TestWhatAnEndSaysOfMoney(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_800_000_000, 0)
	unknown := activities.ErrorTypeCreateTaskOutcomeUnknown
	ended := func(code string, details workflows.ErrorDetails) solveOutcome {
		failure := temporal.NewApplicationErrorWithOptions("", code, temporal.ApplicationErrorOptions{Details: []any{details}})
		return solveOutcome{clientOutcome: clientOutcome{failure: failure}}
	}
	canceled := func(details workflows.ErrorDetails) solveOutcome {
		return solveOutcome{clientOutcome: clientOutcome{failure: temporal.NewCanceledError(details)}}
	}
	ready := func(id int64, solution string) (outcome solveOutcome) {
		outcome.output.TaskID, outcome.output.Status, outcome.output.Cost = id, twocaptcha.StatusReady, simulator.Price
		outcome.output.Solution = []byte(solution)
		return outcome
	}
	noSlot := simulator.Error(harness.NoSlotAvailable)
	bought := creation{at: begun, plannedSubmission: plannedSubmission{outcome: "ready", solution: `"7"`}}
	saysNothing := bought
	saysNothing.CreateAnswer = &emptyAnswer
	refused := creation{at: begun, plannedSubmission: plannedSubmission{Submission: simulator.Submission{Refused: &noSlot}}}
	answered := taskRecord{requests: []recordedRequest{{Request: simulator.Request{Answer: "ready", Finished: begun.Add(time.Second)}}}}
	once := solveRecord{creations: []creation{bought}, purchases: []purchase{{creation: bought, id: 7}}}
	notTold := solveRecord{creations: []creation{saysNothing}, purchases: []purchase{{creation: saysNothing, id: 7}}}
	withSubmission := func(record solveRecord, submission submissionEnd) solveRecord {
		record.submissions = []submissionEnd{submission}
		return record
	}
	withPurchase := func(record solveRecord, change func(*purchase)) solveRecord {
		record.purchases = slices.Clone(record.purchases)
		change(&record.purchases[0])
		return record
	}
	twice := once
	twice.purchases = append(slices.Clone(once.purchases), purchase{creation: bought, id: 8})
	for name, test := range map[string]struct {
		outcome solveOutcome
		record  solveRecord
		problem string
	}{
		"a result":                   {ready(7, `"7"`), once, ""},
		"another task's result":      {ready(8, `"7"`), once, "not bought for it"},
		"another solution":           {ready(7, `"8"`), once, "the solution of task 7"},
		"bought twice":               {ready(7, `"7"`), twice, "task 8 was bought although task 7 had been"},
		"a refusal":                  {ended(harness.NoSlotAvailable, workflows.ErrorDetails{}), solveRecord{creations: []creation{refused}}, ""},
		"a refusal that wasn't":      {ended(harness.NoSlotAvailable, workflows.ErrorDetails{}), solveRecord{}, "nothing of the kind"},
		"a refusal after a purchase": {ended(harness.NoSlotAvailable, workflows.ErrorDetails{}), once, "says nothing of task 7"},
		"an error with the id":       {ended("ready", workflows.ErrorDetails{TaskID: 7}), once, ""},
		"an error with another id":   {ended("ready", workflows.ErrorDetails{TaskID: 8}), once, "task 8 was not bought"},
		"another task's error":       {ended("ERROR_BAD_PROXY", workflows.ErrorDetails{TaskID: 7}), once, `the outcome of task 7 is "ready"`},
		"unknown":                    {ended(unknown, workflows.ErrorDetails{}), notTold, ""},
		"unknown, with its worker killed": {ended(unknown, workflows.ErrorDetails{}),
			withSubmission(once, submissionEnd{unknown: true, excused: true}), ""},
		"unknown, with a worker that lives": {ended(unknown, workflows.ErrorDetails{}),
			withSubmission(once, submissionEnd{unknown: true}), "reached a worker that lives"},
		"unknown, although the outcome came": {ended(unknown, workflows.ErrorDetails{}),
			withPurchase(notTold, func(p *purchase) { p.wait = answered }), "the outcome of task 7 was answered"},
		"unknown, although a call came": {ended(unknown, workflows.ErrorDetails{}),
			withPurchase(notTold, func(p *purchase) { p.called = []time.Time{begun} }), "a call named task 7"},
		"canceled, unknown":            {canceled(workflows.ErrorDetails{LastError: unknown}), notTold, ""},
		"canceled, silent on the task": {canceled(workflows.ErrorDetails{}), notTold, "says nothing of task 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.record.begun, test.record.ended = begun, begun.Add(time.Minute)
			problem := plannedSolve{input: workflows.SolveTaskInput{Timeout: 40 * time.Second}}.problem(test.outcome, test.record)
			if test.problem == "" {
				require.Empty(t, problem)
			} else {
				require.Contains(t, problem, test.problem)
			}
		})
	}
}
