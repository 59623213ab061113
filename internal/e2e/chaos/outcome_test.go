package chaos

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// taskRecord is what the Temporal server and the service have recorded of a task's wait.
type taskRecord struct {
	history  []*historypb.HistoryEvent
	requests []recordedRequest
}

type recordedRequest struct {
	simulator.Request
	lost bool // its answer may have been, by a disturbance
}

// problem says what is not right about a task's outcome, or "".
func (task plannedTask) problem(outcome taskOutcome, record taskRecord) string {
	polls, seenProcessing := record.polls()
	if endedByItsDeadline(outcome.clientOutcome) {
		code := workflows.ErrorCode(outcome.failure)
		if problem := task.deadlineProblem(code, record); problem != "" {
			return fmt.Sprintf("it ended with %s (%v), but %s", code, outcome.failure, problem)
		}
		return task.detailsProblem(outcome, workflows.ErrorDetails{TaskID: task.id}, polls)
	}
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
	want := workflows.ErrorDetails{
		TaskID: task.id, ErrorCode: task.errorType, Expired: task.errorType == harness.NoSuchTask && seenProcessing,
	}
	if task.errorType == activities.ErrorTypeUnexpectedResponse {
		want.ErrorCode = ""
	}
	return task.detailsProblem(outcome, want, polls)
}

// detailsProblem says what is not right about the details of a wait that failed, or "".
func (task plannedTask) detailsProblem(outcome taskOutcome, want workflows.ErrorDetails, polls pollCount) string {
	failure := outcome.failure.(*temporal.WorkflowExecutionError).Unwrap().(*temporal.ApplicationError)
	var details workflows.ErrorDetails
	if err := failure.Details(&details); err != nil {
		return fmt.Sprintf("its error has no details: %v", err)
	}
	if !failure.NonRetryable() || details.TaskID != want.TaskID || details.ErrorCode != want.ErrorCode ||
		!polls.include(details.Polls) || details.Expired != want.Expired {
		return fmt.Sprintf("its error %q has the details %+v; %s, expired %t", failure, details, polls, want.Expired)
	}
	return ""
}

// failureKind is the error's type, or one name for all codes that are not in the service's table.
func (task plannedTask) failureKind(outcome taskOutcome) string {
	if task.name == unknownCode && !endedByItsDeadline(outcome.clientOutcome) {
		return "an unknown code"
	}
	return workflows.ErrorCode(outcome.failure)
}

// pollCount is how many polls a wait may have counted.
type pollCount struct{ least, most int }

func (c *pollCount) add(least, most int) { c.least, c.most = c.least+least, c.most+most }

func (c pollCount) include(polls int) bool { return c.least <= polls && polls <= c.most }

func (c pollCount) String() string { return fmt.Sprintf("%d to %d polls", c.least, c.most) }

// polls counts the polls of a wait, whose activities follow each other, and reports whether its
// history shows that the task is processing.
func (record taskRecord) polls() (polls pollCount, seenProcessing bool) {
	byAttempts, attempts, canceled := false, 1, false
	// For the workflow the time is when its workflow task has started.
	var now, begun, scheduled time.Time
	for _, event := range record.history {
		seenProcessing = seenProcessing || saysProcessing(event)
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
			now = event.GetEventTime().AsTime()
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			if canceled { // the workflow counts the polls that were due
				polls.add(1, mostPolls(begun, now))
			}
			canceled = false
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
			canceled = true
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			begun, scheduled, attempts = now, event.GetEventTime().AsTime(), 1
			byAttempts = isByAttempts(event)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			attempts = int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
			enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
			ended := event.GetEventTime().AsTime()
			requests := record.requestsWithin(scheduled, ended)
			failed := event.GetActivityTaskFailedEventAttributes().GetFailure()
			told := event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED ||
				failed.GetApplicationFailureInfo().GetNonRetryable()
			switch {
			case !byAttempts && told:
				polls.add(1, 1)
			case !byAttempts: // unless it is known to have sent nothing
				polls.add(min(requests, 1), 1)
			case told:
				polls.add(requests, attempts)
			default: // the last attempts may have told nobody their number
				polls.add(min(requests, 1), max(attempts, mostPolls(scheduled, ended)))
			}
		}
	}
	return polls, seenProcessing
}

// mostPolls is how many polls there can be from one at that time on.
func mostPolls(from, to time.Time) int { return 1 + int(to.Sub(from)/harness.MinSpacing) }

func (record taskRecord) requestsWithin(from, to time.Time) (count int) {
	for _, request := range record.requests {
		if !request.Arrived.Before(from) && !request.Arrived.After(to) {
			count++
		}
	}
	return count
}

// isByAttempts tells whether an activity that was scheduled polls by its own attempts.
func isByAttempts(scheduled *historypb.HistoryEvent) bool {
	name := scheduled.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
	return name == activities.PollTaskResultActivity
}

// saysProcessing reports whether an activity ended with the answer, or the failure, of a task that
// is processing.
func saysProcessing(event *historypb.HistoryEvent) bool {
	for _, payload := range event.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads() {
		if outputIn(payload).status() == twocaptcha.StatusProcessing {
			return true
		}
	}
	return harness.ErrorType(event.GetActivityTaskFailedEventAttributes().GetFailure()) == activities.ErrorTypeNotReady ||
		harness.ErrorType(event.GetActivityTaskTimedOutEventAttributes().GetFailure().GetCause()) == activities.ErrorTypeNotReady
}

// activityOutput is what is read of the output of either activity.
type activityOutput struct {
	Status   string                  `json:"status"` // of getTaskResult
	Result   struct{ Status string } `json:"result"` // of pollTaskResult
	Failures int                     `json:"failures"`
}

func (o activityOutput) status() string { return o.Status + o.Result.Status }

func outputIn(payload *commonpb.Payload) (output activityOutput) {
	if err := json.Unmarshal(payload.GetData(), &output); err != nil {
		output.Status = err.Error()
	}
	return output
}

// historyProblem says what a disturbance does not explain, or "".
func historyProblem(task plannedTask, history []*historypb.HistoryEvent) string {
	if problem := activitiesProblem(task, history); problem != "" {
		return problem
	}
	return disturbedHistoryProblem(history)
}

// disturbedHistoryProblem says what no disturbance explains in the history of any workflow, or "".
func disturbedHistoryProblem(history []*historypb.HistoryEvent) string {
	for _, event := range history {
		// A workflow task is done again if a wake-up comes in while it is being completed. Nothing
		// else may fail one.
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

// activitiesProblem says which activity of a wait whose polls are attempts should not be there, or
// "". There is one; one more for each wake-up; two for each time that failures were handed back, of
// which the first repeats the poll and the second goes on; and one for the last poll.
func activitiesProblem(task plannedTask, history []*historypb.HistoryEvent) string {
	if task.polling != workflows.PollingActivityRetry {
		return ""
	}
	byAttempts, others, expected := 0, 0, 1
	for _, event := range history {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			if isByAttempts(event) {
				byAttempts++
			} else {
				others++
			}
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			expected++
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			if outputIn(event.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads()[0]).Failures > 0 {
				expected += 2
			}
		}
	}
	if byAttempts > expected || others > 1 {
		return fmt.Sprintf("%d activities whose attempts are polls, at most %d are expected, and %d others", byAttempts,
			expected, others)
	}
	return ""
}

// A workflow that was frozen sees its activity begin earlier, and end later, than the server does.
func TestPollsOfACanceledActivity(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_800_000_000, 0)
	var record taskRecord
	add := func(after time.Duration, eventType enumspb.EventType) {
		record.history = append(record.history,
			&historypb.HistoryEvent{EventTime: timestamppb.New(begun.Add(after)), EventType: eventType})
	}
	add(0, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED)
	add(3*time.Second, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
	add(3*time.Second, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
	add(4*time.Second, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED)
	add(6*time.Second, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED)
	add(9*time.Second, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)

	polls, _ := record.polls()

	require.Equal(t, pollCount{least: 1, most: 2}, polls)
}
