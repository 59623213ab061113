package e2e

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

var (
	chaosLongFlag = flag.Bool("chaos.long", false, "run the long form of TestChaos: 200 tasks, about 5 minutes")
	chaosSeedFlag = flag.Uint64("chaos.seed", 1, "what every random decision of TestChaos derives from")
)

// TestChaos waits for many tasks at once while workers are killed, terminated and frozen, the Temporal server is killed and
// started again on its database, and the service fails one request in five. Every task must end with its one right
// outcome, and no two requests for one task may be less than 5 seconds apart.
//
// The short form, of 40 tasks, takes about a minute. The long one, of 200, takes about five:
//
//	go test ./internal/e2e -run '^TestChaos$' -v -timeout 20m -chaos.long=true -chaos.seed=1
func TestChaos(t *testing.T) {
	t.Parallel()
	form := chaosShort
	if *chaosLongFlag {
		form = chaosLong
	}
	plan := newChaosPlan(form, *chaosSeedFlag)
	t.Logf("seed %d; the same plan again:\n%s\n%s", plan.seed, chaosCommand(*chaosLongFlag, plan.seed), plan)

	run := startChaos(t, plan)
	run.carryOut()
	findings := run.findings()
	t.Logf("seed %d\n%s", plan.seed, run.table(findings))
	for _, problem := range findings.problems {
		t.Errorf("seed %d: %s", plan.seed, problem)
	}
}

// chaosCommand is the command of a chaos run.
func chaosCommand(long bool, seed uint64) string {
	return fmt.Sprintf("go test ./internal/e2e -run '^TestChaos$' -v -timeout 20m -chaos.long=%t -chaos.seed=%d", long, seed)
}

// chaosFindings is what a run came to, each task accounted for.
type chaosFindings struct {
	ready         int
	failed        map[string]int // by error type
	lost          int            // tasks without an outcome
	wrong         int            // tasks with an outcome that is not theirs
	twice         int            // tasks with more than one run, or more than one outcome
	answeredAgain int            // answers with an outcome that were asked for again since they were lost on their way
	starts        int            // tries
	closest       simulator.Pair
	problems      []string // with what is needed to understand each
}

func (f *chaosFindings) add(evidence, format string, values ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, values...)+"\n"+evidence)
}

func (r *chaosRun) findings() *chaosFindings {
	r.t.Helper()
	findings := &chaosFindings{failed: map[string]int{}}
	runs := r.runs(findings)
	replayer := chaosReplayer(r.t)
	expected := map[string]bool{}
	for i, task := range r.plan.tasks {
		outcome := r.outcomes[i]
		id := workflows.WorkflowID(task.id)
		expected[id] = true
		findings.starts += outcome.started
		if n := len(runs[id]); n > 1 {
			findings.twice++
			findings.add(r.evidence(task, nil), "task %d (%s) has %d runs", task.id, task.name, n)
		}
		if !outcome.known {
			findings.lost++
			findings.add(r.evidence(task, r.history(outcome)), "task %d (%s) is lost: %v", task.id, task.name, outcome.lastError)
			continue
		}
		history := r.history(outcome)
		evidence := r.evidence(task, history)
		if problem := task.problem(outcome, history); problem != "" {
			findings.wrong++
			findings.add(evidence, "task %d (%s) has a wrong outcome: %s", task.id, task.name, problem)
		} else if outcome.failure == nil {
			findings.ready++
		} else {
			findings.failed[task.failureKind()]++
		}
		if len(runs[id]) == 0 || runs[id][0] != outcome.runID {
			findings.add(evidence, "task %d: its runs are %q, and the one waited for is %q", task.id, runs[id], outcome.runID)
		}
		if problem := historyProblem(task, history); problem != "" {
			findings.add(evidence, "task %d: its history has %s", task.id, problem)
		}
		if err := replayer.ReplayWorkflowHistory(quietLogger{}, &historypb.History{Events: history}); err != nil {
			findings.add(evidence, "task %d: its history does not replay: %v", task.id, err)
		}
		r.checkRequests(findings, task, history, evidence)
	}
	for id := range runs {
		if !expected[id] {
			findings.add("", "nobody started %s", id)
		}
	}
	r.checkSpacing(findings)
	return findings
}

// runs are the ids of all runs that the server lists, by workflow id. The list follows what it knows with a delay, so that it is
// asked for until it has every run that was waited for.
func (r *chaosRun) runs(findings *chaosFindings) map[string][]string {
	r.t.Helper()
	for deadline := time.Now().Add(patience / 4); ; time.Sleep(chaosPause) {
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

func (r *chaosRun) listRuns() (runs map[string][]string, missing string) {
	r.t.Helper()
	runs = map[string][]string{}
	request := &workflowservice.ListWorkflowExecutionsRequest{}
	for {
		response, err := r.temporal.ListWorkflow(testContext(r.t), request)
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
	for i, outcome := range r.outcomes {
		if outcome.runID != "" && !slices.Contains(runs[outcome.workflowID], outcome.runID) {
			missing = fmt.Sprintf("the run %q for task %d is missing", outcome.runID, r.plan.tasks[i].id)
		}
	}
	return runs, missing
}

// history is what the server recorded of a run; nil where no run is known.
func (r *chaosRun) history(outcome chaosOutcome) []*historypb.HistoryEvent {
	r.t.Helper()
	if outcome.runID == "" {
		return nil
	}
	var history []*historypb.HistoryEvent
	events := r.temporal.GetWorkflowHistory(testContext(r.t), outcome.workflowID, outcome.runID, false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(r.t, err)
		history = append(history, event)
	}
	return history
}

// problem says what is not right about a task's outcome, or "".
func (task chaosTask) problem(outcome chaosOutcome, history []*historypb.HistoryEvent) string {
	polls, seenProcessing := pollsIn(task, history)
	if task.errorType == "" {
		switch output := outcome.output; {
		case outcome.failure != nil:
			return fmt.Sprintf("it failed: %v", outcome.failure)
		case output.TaskID != task.id, output.Status != twocaptcha.StatusReady, string(output.Solution) != task.solution,
			output.Cost != "0.00299", !polls.include(output.Polls):
			return fmt.Sprintf("it has the result %+v with the solution %s after %s; its solution is %s",
				output, output.Solution, polls, task.solution)
		}
		return ""
	}

	if code := workflows.ErrorCode(outcome.failure); code != task.errorType {
		return fmt.Sprintf("it ended with %q (%v) instead of %q", code, outcome.failure, task.errorType)
	}
	failure := outcome.failure.(*temporal.WorkflowExecutionError).Unwrap().(*temporal.ApplicationError)
	var details workflows.ErrorDetails
	if err := failure.Details(&details); err != nil {
		return fmt.Sprintf("its error has no details: %v", err)
	}
	code := task.errorType
	if task.errorType == workflows.ErrorTypeTaskTimeout || task.errorType == workflows.ErrorTypeUnexpectedResponse {
		code = ""
	}
	expired := task.errorType == noSuchTask && seenProcessing
	if !failure.NonRetryable() || details.TaskID != task.id || details.ErrorCode != code || !polls.include(details.Polls) ||
		details.Expired != expired {
		return fmt.Sprintf("its error %q has the details %+v; %s, expired %t", failure, details, polls, expired)
	}
	return ""
}

// failureKind is the error's type, or one name for all codes that are in no table.
func (task chaosTask) failureKind() string {
	if task.name == unknownCode {
		return "an unknown code"
	}
	return task.errorType
}

// pollCount is how many polls a wait may have counted.
type pollCount struct{ least, most int }

func (c pollCount) include(polls int) bool { return c.least <= polls && polls <= c.most }

func (c pollCount) String() string { return fmt.Sprintf("%d to %d polls", c.least, c.most) }

// pollsIn counts a history's polls, and tells whether it shows that the task is processing.
func pollsIn(task chaosTask, history []*historypb.HistoryEvent) (polls pollCount, seenProcessing bool) {
	attempts := 1
	add := func(least, most int) { polls.least, polls.most = polls.least+least, polls.most+most }
	for _, event := range history {
		seenProcessing = seenProcessing || saysProcessing(event)
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			if task.polling == workflows.PollingTimer {
				add(1, 1)
			}
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			attempts = int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			if task.polling == workflows.PollingActivityRetry {
				add(attempts, attempts)
			}
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
			if task.polling == workflows.PollingActivityRetry { // whose last attempts may have told nobody their number
				failure := event.GetActivityTaskFailedEventAttributes().GetFailure()
				if failure.GetApplicationFailureInfo().GetNonRetryable() {
					add(attempts, attempts)
				} else {
					add(1, max(attempts, mostAttempts))
				}
			}
		}
	}
	return polls, seenProcessing
}

// mostAttempts is more than an activity has within a chaos run.
const mostAttempts = 200

// saysProcessing tells whether an activity ended with the answer, or the failure, of a task that is processing.
func saysProcessing(event *historypb.HistoryEvent) bool {
	for _, payload := range event.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads() {
		if statusIn(payload) == twocaptcha.StatusProcessing {
			return true
		}
	}
	return errorType(event.GetActivityTaskFailedEventAttributes().GetFailure()) == workflows.ErrorTypeNotReady ||
		errorType(event.GetActivityTaskTimedOutEventAttributes().GetFailure().GetCause()) == workflows.ErrorTypeNotReady
}

func statusIn(payload *commonpb.Payload) string {
	var output activities.GetTaskResultOutput
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &output); err != nil {
		return err.Error()
	}
	return output.Status
}

// historyProblem says what a disturbance does not explain, or "".
func historyProblem(task chaosTask, history []*historypb.HistoryEvent) string {
	activities := countOf(history, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
	if task.polling == workflows.PollingActivityRetry && activities > 2 { // one, and where it leaves no room for it the last poll
		return fmt.Sprintf("%d activities, whose attempts are to be the polls", activities)
	}
	for _, event := range history {
		// A wake-up that comes in while a task is being completed has it done again. Nothing else may fail one.
		failed := event.GetWorkflowTaskFailedEventAttributes()
		if failed != nil && failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND {
			return fmt.Sprintf("a workflow task that failed: %s", event)
		}
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW {
			return fmt.Sprintf("another run after it: %s", event)
		}
	}
	return ""
}

func chaosReplayer(t *testing.T) worker.WorkflowReplayer {
	t.Helper()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey})
	require.NoError(t, err)
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Plugins: []worker.Plugin{plugin}})
	require.NoError(t, err)
	return replayer
}

// lostWithin is how long after its last byte an answer may still be lost: the report to the Temporal server takes that long
// at the most, on a machine that is busy.
const lostWithin = 5 * time.Second

// checkRequests finds requests that should not have been, and verdicts that were asked for again without need.
func (r *chaosRun) checkRequests(findings *chaosFindings, task chaosTask, history []*historypb.HistoryEvent, evidence string) {
	ended := history[len(history)-1].GetEventTime().AsTime()
	var decided []simulator.Request
	for _, request := range r.service.RequestsFor(task.id) {
		if request.Refused != "" {
			findings.add(evidence, "task %d: a request was refused: %s", task.id, request.Refused)
		}
		if request.Arrived.After(ended) {
			findings.add(evidence, "task %d: a request arrived %s after its wait had ended", task.id, request.Arrived.Sub(ended))
		}
		if !request.Faulted && request.Answer == task.outcome {
			decided = append(decided, request)
		}
	}
	if task.outcome != "" && len(decided) == 0 {
		findings.add(evidence, "task %d: the simulator never gave its outcome", task.id)
	}
	for _, request := range decided[:max(0, len(decided)-1)] {
		findings.answeredAgain++
		lost := r.happened(request.Arrived, request.Finished.Add(lostWithin))
		explained := false
		for _, d := range lost {
			explained = explained || d.kind != byTerm // a worker that is told to end must report what it has first
		}
		if !explained {
			findings.add(evidence, "task %d: its outcome was answered at %s, and asked for again though nothing had happened",
				task.id, r.since(request.Arrived))
		}
	}
}

// checkSpacing finds requests for one task that were too close.
func (r *chaosRun) checkSpacing(findings *chaosFindings) {
	for _, request := range r.service.Requests() {
		if request.TaskRequest == 0 {
			findings.add("", "a request for no task arrived: %+v", request)
		}
	}
	pairs := r.service.CloserThan(24 * time.Hour)
	for i, pair := range pairs {
		if i == 0 || pair.Spacing() < findings.closest.Spacing() {
			findings.closest = pair
		}
	}
	for _, pair := range r.service.CloserThan(minSpacing) {
		index := pair.First.TaskID - chaosFirstTaskID
		task := r.plan.tasks[index]
		findings.add(r.evidence(task, r.history(r.outcomes[index])), "task %d: the requests %d and %d were %s apart",
			task.id, pair.First.TaskRequest, pair.Second.TaskRequest, pair.Spacing())
	}
}
