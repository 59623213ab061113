package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	// lastPollAttempts is how many attempts the last poll has for an answer.
	lastPollAttempts = 7

	// answerTimeout is how long a request waits for its whole answer.
	answerTimeout = 15 * time.Second
)

// endedByItsDeadline tells whether a wait ended with TaskTimeout or NoAnswer.
func endedByItsDeadline(outcome clientOutcome) bool {
	code := workflows.ErrorCode(outcome.failure)
	return code == workflows.ErrorTypeTaskTimeout || code == workflows.ErrorTypeNoAnswer
}

// deadlineProblem says why a wait must not have ended with TaskTimeout or NoAnswer, or "".
func (task plannedTask) deadlineProblem(code string, record taskRecord) string {
	if task.timeout == 0 {
		return "its deadline is far beyond the run"
	}
	return record.deadlineProblem(code, task.isOutcome, record.history[0].GetEventTime().AsTime().Add(task.timeout))
}

// deadlineProblem says why a wait with this deadline must not have ended with that code, or "".
func (record taskRecord) deadlineProblem(code string, isOutcome func(simulator.Request) bool, deadline time.Time) string {
	for _, request := range record.requests {
		if isOutcome(request.Request) && !request.lost {
			return fmt.Sprintf("request %d was answered %q", request.TaskRequest, request.Answer)
		}
	}
	if code == workflows.ErrorTypeTaskTimeout {
		return record.taskTimeoutProblem(deadline)
	}
	return record.noAnswerProblem()
}

// taskTimeoutProblem says why a wait must not have ended with TaskTimeout, or "" if its last
// request was sent on the deadline or later and was answered that the task is processing.
func (record taskRecord) taskTimeoutProblem(deadline time.Time) string {
	if len(record.requests) == 0 {
		return "no request was sent"
	}
	last := record.requests[len(record.requests)-1]
	switch {
	case !isProcessing(last.Request):
		return fmt.Sprintf("the last request was answered %q", last.Answer)
	case last.Arrived.Before(deadline):
		return fmt.Sprintf("the last request arrived %s before the deadline", deadline.Sub(last.Arrived))
	}
	return ""
}

// noAnswerProblem says why a wait must not have ended with NoAnswer, or "" if the last poll had all
// its attempts and none of them was answered.
func (record taskRecord) noAnswerProblem() string {
	scheduled, attempts := lastPollIn(record.history)
	if attempts != lastPollAttempts {
		return fmt.Sprintf("the last poll had %d attempts", attempts)
	}
	for _, request := range record.requests {
		if !request.Arrived.Before(scheduled) && isProcessing(request.Request) && !request.lost {
			return fmt.Sprintf("request %d, which is of the last poll, was answered %q", request.TaskRequest, request.Answer)
		}
	}
	return ""
}

// lastPollIn returns when a wait's last poll was scheduled, and how many attempts it had: 0 without
// a last poll.
func lastPollIn(history []*historypb.HistoryEvent) (scheduled time.Time, attempts int) {
	isLast := false
	for _, event := range history {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			policy := event.GetActivityTaskScheduledEventAttributes().GetRetryPolicy()
			isLast, scheduled = policy.GetMaximumAttempts() == lastPollAttempts, event.GetEventTime().AsTime()
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			attempts = int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
		}
	}
	if !isLast {
		return time.Time{}, 0
	}
	return scheduled, attempts
}

// isProcessing tells whether a request was answered, in time, that its task is processing. Some
// faults are such answers.
func isProcessing(request simulator.Request) bool {
	switch request.Answer {
	case simulator.Processing().String():
		return true
	case simulator.SlowBody(0, "").String():
		return request.Finished.Sub(request.Arrived) < answerTimeout/2 // the others are never complete in time
	}
	return false
}

// What the judge of a chaos run calls wrong, and what not.
func TestEndsByTheDeadline(t *testing.T) {
	t.Parallel()
	const timeout = time.Minute
	begun := time.Unix(1_800_000_000, 0)
	at := func(after time.Duration, answer string) recordedRequest {
		arrived := begun.Add(after)
		return recordedRequest{Request: simulator.Request{Answer: answer, Arrived: arrived, Finished: arrived, TaskRequest: 1}}
	}
	lost := func(request recordedRequest) recordedRequest {
		request.lost = true
		return request
	}
	faulted := func(request recordedRequest) recordedRequest {
		request.Faulted = true
		return request
	}
	ready := plannedTask{fate: fate{outcome: "ready"}, timeout: timeout}
	for name, test := range map[string]struct {
		task     plannedTask
		code     string
		attempts int // of the last poll, on the deadline
		requests []recordedRequest
		problem  string
	}{
		"processing on the deadline": {ready, workflows.ErrorTypeTaskTimeout, 1,
			[]recordedRequest{at(5*time.Second, "processing"), at(timeout, "processing")}, ""},
		"processing on the deadline, as a fault": {ready, workflows.ErrorTypeTaskTimeout, 1,
			[]recordedRequest{faulted(at(timeout, "slow body"))}, ""},
		"processing before the deadline": {ready, workflows.ErrorTypeTaskTimeout, 1,
			[]recordedRequest{at(timeout-time.Second, "processing")}, "1s before the deadline"},
		"a failure on the deadline": {ready, workflows.ErrorTypeTaskTimeout, 1,
			[]recordedRequest{at(5*time.Second, "processing"), at(timeout, "status 502")}, `answered "status 502"`},
		"no request":           {ready, workflows.ErrorTypeTaskTimeout, 1, nil, "no request"},
		"without its deadline": {plannedTask{}, workflows.ErrorTypeTaskTimeout, 1, nil, "far beyond the run"},
		"a result before it": {ready, workflows.ErrorTypeTaskTimeout, 1,
			[]recordedRequest{at(5*time.Second, "ready"), at(timeout, "processing")}, `answered "ready"`},
		"every attempt failed": {ready, workflows.ErrorTypeNoAnswer, lastPollAttempts,
			[]recordedRequest{at(5*time.Second, "processing"), at(timeout, "status 502")}, ""},
		"its one answer was lost": {ready, workflows.ErrorTypeNoAnswer, lastPollAttempts,
			[]recordedRequest{lost(at(timeout, "ready")), at(timeout+5*time.Second, "status 502")}, ""},
		"too few attempts": {ready, workflows.ErrorTypeNoAnswer, 1,
			[]recordedRequest{at(timeout, "status 502")}, "1 attempts"},
		"an attempt that was answered": {ready, workflows.ErrorTypeNoAnswer, lastPollAttempts,
			[]recordedRequest{at(timeout, "status 502"), at(timeout+5*time.Second, "processing")}, `was answered "processing"`},
		"an attempt that had the result": {ready, workflows.ErrorTypeNoAnswer, lastPollAttempts,
			[]recordedRequest{at(timeout, "ready"), at(timeout+5*time.Second, "status 502")}, `was answered "ready"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := &commonpb.RetryPolicy{MaximumAttempts: lastPollAttempts}
			scheduled := &historypb.ActivityTaskScheduledEventAttributes{RetryPolicy: policy}
			started := &historypb.ActivityTaskStartedEventAttributes{Attempt: int32(test.attempts)}
			record := taskRecord{requests: test.requests, history: []*historypb.HistoryEvent{
				{EventTime: timestamppb.New(begun), EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED},
				{EventTime: timestamppb.New(begun.Add(timeout)), EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
					Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
						ActivityTaskScheduledEventAttributes: scheduled}},
				{EventTime: timestamppb.New(begun.Add(timeout)), EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
					Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
						ActivityTaskStartedEventAttributes: started}},
			}}
			problem := test.task.deadlineProblem(test.code, record)
			if test.problem == "" {
				require.Empty(t, problem)
			} else {
				require.Contains(t, problem, test.problem)
			}
		})
	}
}
