package harness

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
)

// Shape writes what a history has in common with every undisturbed run of its path, one event a
// line: what the path costs, what a replay compares, and what the Web UI shows. Ids, times and the
// jitter of durations are left out.
func Shape(history *historypb.History) string {
	var lines strings.Builder
	for _, event := range history.GetEvents() {
		line := strings.Join(append([]string{fmt.Sprint(event.GetEventId()), event.GetEventType().String()},
			attributes(event)...), " ")
		if summary := event.GetUserMetadata().GetSummary(); summary != nil {
			line += " summary=" + string(summary.GetData())
		}
		fmt.Fprintln(&lines, line)
	}
	text := timeInJSON.ReplaceAllString(lines.String(), `"TIME"`)
	text = runID.ReplaceAllString(text, "RUN_ID")
	name := "TASK_ID"
	for n := 2; ; n++ {
		taskID := taskIDInText.FindStringSubmatch(text)
		if taskID == nil {
			return text
		}
		text = strings.ReplaceAll(text, taskID[1], name)
		name = fmt.Sprintf("TASK_ID_%d", n)
	}
}

var (
	timeInJSON   = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)
	runID        = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	taskIDInText = regexp.MustCompile(`(?:"taskId":|of task )(\d+)`)
)

func attributes(event *historypb.HistoryEvent) []string {
	switch event.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		started := event.GetWorkflowExecutionStartedEventAttributes()
		attributes := []string{"type=" + started.GetWorkflowType().GetName(), "input=" + data(started.GetInput())}
		if callers := len(started.GetCompletionCallbacks()); callers > 0 {
			attributes = append(attributes, fmt.Sprintf("callers=%d", callers))
		}
		return attributes
	case *historypb.HistoryEvent_WorkflowExecutionOptionsUpdatedEventAttributes:
		updated := event.GetWorkflowExecutionOptionsUpdatedEventAttributes()
		return []string{fmt.Sprintf("callers=%d", len(updated.GetAttachedCompletionCallbacks()))}
	case *historypb.HistoryEvent_TimerStartedEventAttributes:
		return []string{"fires=" + about(event.GetTimerStartedEventAttributes().GetStartToFireTimeout().AsDuration())}
	case *historypb.HistoryEvent_ActivityTaskScheduledEventAttributes:
		scheduled := event.GetActivityTaskScheduledEventAttributes()
		retry := scheduled.GetRetryPolicy()
		return []string{
			"type=" + scheduled.GetActivityType().GetName(),
			"input=" + data(scheduled.GetInput()),
			fmt.Sprintf("startToClose=%s", scheduled.GetStartToCloseTimeout().AsDuration()),
			fmt.Sprintf("retry=%s*%g<=%s", retry.GetInitialInterval().AsDuration(), retry.GetBackoffCoefficient(),
				retry.GetMaximumInterval().AsDuration()),
			fmt.Sprintf("maximumAttempts=%d", retry.GetMaximumAttempts()),
		}
	case *historypb.HistoryEvent_ActivityTaskStartedEventAttributes:
		started := event.GetActivityTaskStartedEventAttributes()
		attributes := []string{fmt.Sprintf("attempt=%d", started.GetAttempt())}
		if failure := started.GetLastFailure(); failure != nil {
			attributes = append(attributes, "lastFailure="+ErrorType(failure))
		}
		return attributes
	case *historypb.HistoryEvent_ActivityTaskFailedEventAttributes:
		failed := event.GetActivityTaskFailedEventAttributes()
		return []string{"failure=" + ErrorType(failed.GetFailure()), "retryState=" + failed.GetRetryState().String()}
	case *historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes:
		signaled := event.GetWorkflowExecutionSignaledEventAttributes()
		return []string{"name=" + signaled.GetSignalName(), "input=" + data(signaled.GetInput())}
	case *historypb.HistoryEvent_MarkerRecordedEventAttributes:
		return []string{"name=" + event.GetMarkerRecordedEventAttributes().GetMarkerName()}
	case *historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes:
		failure := event.GetWorkflowExecutionFailedEventAttributes().GetFailure()
		return []string{
			"failure=" + ErrorType(failure), fmt.Sprintf("nonRetryable=%t",
				failure.GetApplicationFailureInfo().GetNonRetryable()),
		}
	case *historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes:
		continued := event.GetWorkflowExecutionContinuedAsNewEventAttributes()
		return []string{"type=" + continued.GetWorkflowType().GetName(), "input=" + data(continued.GetInput())}
	}
	return nil
}

func data(payloads *commonpb.Payloads) string {
	var texts []string
	for _, payload := range payloads.GetPayloads() {
		texts = append(texts, string(payload.GetData()))
	}
	return strings.Join(texts, ",")
}

// about is a duration without its jitter of up to 10 %, and without the time that a workflow task
// took.
func about(d time.Duration) string {
	for _, duration := range []time.Duration{
		5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, time.Minute, 15 * time.Minute, time.Hour,
	} {
		if d <= duration+duration/10 {
			return "about " + duration.String()
		}
	}
	return d.String()
}
