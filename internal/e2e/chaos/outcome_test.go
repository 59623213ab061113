package chaos

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// problem says what is not right about a task's outcome, or "".
func (task plannedTask) problem(outcome taskOutcome, history []*historypb.HistoryEvent) string {
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
	if task.errorType == workflows.ErrorTypeTaskTimeout || task.errorType == activities.ErrorTypeUnexpectedResponse {
		code = ""
	}
	expired := task.errorType == harness.NoSuchTask && seenProcessing
	if !failure.NonRetryable() || details.TaskID != task.id || details.ErrorCode != code || !polls.include(details.Polls) ||
		details.Expired != expired {
		return fmt.Sprintf("its error %q has the details %+v; %s, expired %t", failure, details, polls, expired)
	}
	return ""
}

// failureKind is the error's type, or one name for all codes that are not in the service's table.
func (task plannedTask) failureKind() string {
	if task.name == unknownCode {
		return "an unknown code"
	}
	return task.errorType
}

// mostAttempts is more than an activity has within a chaos run.
const mostAttempts = 200

// pollCount is how many polls a wait may have counted.
type pollCount struct{ least, most int }

func (c pollCount) include(polls int) bool { return c.least <= polls && polls <= c.most }

func (c pollCount) String() string { return fmt.Sprintf("%d to %d polls", c.least, c.most) }

// pollsIn counts a history's polls, and reports whether it shows that the task is processing.
func pollsIn(task plannedTask, history []*historypb.HistoryEvent) (polls pollCount, seenProcessing bool) {
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
			// The last attempts may have told nobody their number.
			if task.polling == workflows.PollingActivityRetry {
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

// saysProcessing reports whether an activity ended with the answer, or the failure, of a task that
// is processing.
func saysProcessing(event *historypb.HistoryEvent) bool {
	for _, payload := range event.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads() {
		if statusIn(payload) == twocaptcha.StatusProcessing {
			return true
		}
	}
	return harness.ErrorType(event.GetActivityTaskFailedEventAttributes().GetFailure()) == activities.ErrorTypeNotReady ||
		harness.ErrorType(event.GetActivityTaskTimedOutEventAttributes().GetFailure().GetCause()) == activities.ErrorTypeNotReady
}

func statusIn(payload *commonpb.Payload) string {
	var output activities.GetTaskResultOutput
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &output); err != nil {
		return err.Error()
	}
	return output.Status
}

// historyProblem says what a disturbance does not explain, or "".
func historyProblem(task plannedTask, history []*historypb.HistoryEvent) string {
	scheduled := harness.CountOf(history, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
	// There is one, and one more for the last poll if the first leaves no room for that.
	if task.polling == workflows.PollingActivityRetry && scheduled > 2 {
		return fmt.Sprintf("%d activities, whose attempts are to be the polls", scheduled)
	}
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
