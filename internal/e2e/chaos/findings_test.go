package chaos

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// lostWithin is how long after its last byte an answer may still be lost: on a busy machine the
// report to the Temporal server takes at most that long.
const lostWithin = 5 * time.Second

// runFindings is what a run came to, each task accounted for.
type runFindings struct {
	ready  int
	failed map[string]int // by error type
	lost   int            // tasks without an outcome
	wrong  int            // tasks with an outcome that is not theirs
	twice  int            // tasks with more than one run, or more than one outcome
	// answeredAgain counts outcomes that were asked for again because they were lost on their way.
	answeredAgain int
	repeated      int // tasks whose last poll was answered, but not its first attempt
	starts        int // tries
	pauses        int // that the service asked of a worker's process
	closest       simulator.Pair
	solves        solveFindings
	problems      []string // with what is needed to understand each
}

func (f *runFindings) add(evidence, format string, values ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, values...)+"\n"+evidence)
}

// judge accounts for every task of a run that was carried out.
func (r *disturbedRun) judge() *runFindings {
	r.t.Helper()
	findings := &runFindings{failed: map[string]int{}, solves: solveFindings{failed: map[string]int{}}}
	runs := r.listAllRuns(findings)
	replayer, err := harness.NewReplayer()
	require.NoError(r.t, err)
	expected := map[string]bool{}
	for i, task := range r.plan.tasks {
		outcome := r.outcomes[i]
		id := workflows.WorkflowID(task.id)
		expected[id] = true
		findings.starts += outcome.started
		if n := len(runs[id]); n > 1 {
			findings.twice++
			findings.add(r.evidenceOn(r.service.RequestsFor(task.id), nil), "task %d (%s) has %d runs", task.id, task.name, n)
		}
		if !outcome.known {
			findings.lost++
			findings.add(r.evidenceOn(r.service.RequestsFor(task.id), r.readHistory(outcome.clientOutcome)), "task %d (%s) is lost: %v", task.id,
				task.name, outcome.lastError)
			continue
		}
		history := r.readHistory(outcome.clientOutcome)
		evidence := r.evidenceOn(r.service.RequestsFor(task.id), history)
		if problem := task.problem(outcome, r.recordOf(task.id, history)); problem != "" {
			findings.wrong++
			findings.add(evidence, "task %d (%s) has a wrong outcome: %s", task.id, task.name, problem)
		} else if outcome.failure == nil {
			findings.ready++
		} else {
			findings.failed[task.failureKind(outcome)]++
		}
		if _, attempts := lastPollIn(history); attempts > 1 && workflows.ErrorCode(outcome.failure) != workflows.ErrorTypeNoAnswer {
			findings.repeated++
		}
		if len(runs[id]) == 0 || runs[id][0] != outcome.runID {
			findings.add(evidence, "task %d: its runs are %q, and the one waited for is %q", task.id, runs[id],
				outcome.runID)
		}
		if problem := historyProblem(task, history); problem != "" {
			findings.add(evidence, "task %d: its history has %s", task.id, problem)
		}
		if err := replayer.ReplayWorkflowHistory(harness.QuietLogger{}, &historypb.History{Events: history}); err != nil {
			findings.add(evidence, "task %d: its history does not replay: %v", task.id, err)
		}
		r.checkRequests(findings, task, outcome, history, evidence)
	}
	for number := range r.plan.solves {
		expected[solveWorkflowID(number)] = true
		r.judgeSolve(findings, number, runs[solveWorkflowID(number)], replayer)
	}
	for id := range runs {
		if !expected[id] {
			findings.add("", "nobody started %s", id)
		}
	}
	r.checkSpacing(findings)
	r.checkPauses(findings)
	return findings
}

// listAllRuns returns the ids of all runs that the server lists, by workflow id. The list is late,
// so it is asked for until it has every run that was waited for.
func (r *disturbedRun) listAllRuns(findings *runFindings) map[string][]string {
	r.t.Helper()
	for deadline := time.Now().Add(harness.Patience / 4); ; time.Sleep(retryPause) {
		runs, missing := r.listRuns()
		if missing == "" {
			return runs
		}
		if time.Now().After(deadline) {
			findings.add("", "the list of workflows: %s", missing)
			return runs
		}
	}
}

func (r *disturbedRun) listRuns() (runs map[string][]string, missing string) {
	r.t.Helper()
	runs = map[string][]string{}
	request := &workflowservice.ListWorkflowExecutionsRequest{}
	for {
		response, err := r.temporalClient.ListWorkflow(harness.Context(r.t), request)
		require.NoError(r.t, err)
		for _, execution := range response.GetExecutions() {
			id := execution.GetExecution().GetWorkflowId()
			runs[id] = append(runs[id], execution.GetExecution().GetRunId())
			if execution.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				missing = id + " is running"
			}
		}
		if request.NextPageToken = response.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	for _, outcome := range r.clientOutcomes() {
		if outcome.runID != "" && !slices.Contains(runs[outcome.workflowID], outcome.runID) {
			missing = fmt.Sprintf("the run %q of %s is missing", outcome.runID, outcome.workflowID)
		}
	}
	return runs, missing
}

// readHistory returns what the server recorded of a run, or nil if no run is known.
func (r *disturbedRun) readHistory(outcome clientOutcome) []*historypb.HistoryEvent {
	r.t.Helper()
	if outcome.runID == "" {
		return nil
	}
	history, err := harness.History(harness.Context(r.t), r.temporalClient, outcome.workflowID, outcome.runID, false)
	require.NoError(r.t, err)
	return history.GetEvents()
}

// checkRequests finds requests that should not have been made, and verdicts that were asked for
// again without need.
func (r *disturbedRun) checkRequests(
	findings *runFindings, task plannedTask, outcome taskOutcome, history []*historypb.HistoryEvent, evidence string,
) {
	ended := history[len(history)-1].GetEventTime().AsTime()
	var decided []simulator.Request
	for _, request := range r.service.RequestsFor(task.id) {
		if request.Refused != "" {
			findings.add(evidence, "task %d: a request was refused: %s", task.id, request.Refused)
		}
		if request.Arrived.After(ended) {
			findings.add(evidence, "task %d: a request arrived %s after its wait had ended", task.id,
				request.Arrived.Sub(ended))
		}
		if task.isOutcome(request) {
			decided = append(decided, request)
		}
	}
	if task.outcome != "" && len(decided) == 0 && !endedByItsDeadline(outcome.clientOutcome) {
		findings.add(evidence, "task %d: the simulator never gave its outcome", task.id)
	}
	for _, request := range decided[:max(0, len(decided)-1)] {
		findings.answeredAgain++
		if !r.mayBeLost(request) {
			findings.add(evidence, "task %d: its outcome was answered at %s, and asked for again though nothing had happened",
				task.id, r.since(request.Arrived))
		}
	}
}

// recordOf is what is known of a task's wait besides its outcome.
func (r *disturbedRun) recordOf(taskID int64, history []*historypb.HistoryEvent) taskRecord {
	record := taskRecord{history: history}
	for _, request := range r.service.RequestsFor(taskID) {
		record.requests = append(record.requests, recordedRequest{Request: request, lost: r.mayBeLost(request)})
	}
	return record
}

// mayBeLost tells whether something happened by which the request's answer may have been lost.
func (r *disturbedRun) mayBeLost(request simulator.Request) bool {
	for _, d := range r.happened(request.Arrived, request.Finished.Add(lostWithin)) {
		// A worker that is told to end must first report what it has.
		if d.kind == byKill || d.kind == byStop {
			return true
		}
	}
	return false
}

// checkSpacing finds requests for one task that were too close.
func (r *disturbedRun) checkSpacing(findings *runFindings) {
	for _, request := range r.service.Requests() {
		if request.TaskRequest == 0 && (request.Path != createTaskPath || request.Refused != "") {
			findings.add("", "a request for no task arrived: %+v", request)
		}
	}
	pairs := r.service.CloserThan(24 * time.Hour)
	for i, pair := range pairs {
		if i == 0 || pair.Spacing() < findings.closest.Spacing() {
			findings.closest = pair
		}
	}
	for _, pair := range r.service.CloserThan(harness.MinSpacing) {
		id := pair.First.TaskID
		var history []*historypb.HistoryEvent
		if index := id - firstTaskID; 0 <= index && index < int64(len(r.outcomes)) {
			history = r.readHistory(r.outcomes[index].clientOutcome)
		}
		findings.add(r.evidenceOn(r.service.RequestsFor(id), history), "task %d: the requests %d and %d were %s apart",
			id, pair.First.TaskRequest, pair.Second.TaskRequest, pair.Spacing())
	}
}
