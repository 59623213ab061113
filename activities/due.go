package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
)

// dueTimeout is short enough to leave a request its time within the attempt.
const dueTimeout = 3 * time.Second

// notBeforeDue refuses an attempt that the Temporal server hands out before the delay after the
// previous one is over, and one that is no longer the server's current one. A server that crashes,
// or whose shards move, delivers again what it has not noted as done; it takes the task of an
// attempt that has ended for the start of the next one, however long that is to wait (seen with
// 1.29.1; https://github.com/temporalio/temporal/issues/7515).
//
// What a worker is handed doesn't say when the attempt is due, so the server is asked: for repeated
// attempts alone, and that is not a billed action. If the server permits no such question, the
// attempt goes on.
func notBeforeDue(ctx context.Context) *notSentReason {
	attempt := activity.GetInfo(ctx)
	if attempt.Attempt <= 1 || attempt.IsLocalActivity || attempt.WorkflowExecution.ID == "" {
		return nil
	}
	// In the SDK's test environments there is no server to ask: their client ends the process. Their
	// task tokens tell them apart.
	if string(attempt.TaskToken) == attempt.WorkflowExecution.RunID+"#"+attempt.ActivityID {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dueTimeout)
	defer cancel()
	var answer *workflowservice.DescribeWorkflowExecutionResponse
	description, err := activity.GetClient(ctx).DescribeWorkflow(ctx, attempt.WorkflowExecution.ID, attempt.WorkflowExecution.RunID)
	if err == nil {
		answer = description.RawResponse
	}
	return notBeforeDueBy(answer, err, attempt)
}

// notBeforeDueBy judges by the server's answer.
func notBeforeDueBy(
	description *workflowservice.DescribeWorkflowExecutionResponse, err error, attempt activity.Info,
) *notSentReason {
	var notPermitted *serviceerror.PermissionDenied
	var notKnown *serviceerror.Unimplemented
	switch {
	case errors.As(err, &notPermitted), errors.As(err, &notKnown):
		return nil
	case err != nil:
		return &notSentReason{text: "the Temporal server does not say whether this attempt is due: " +
			serviceerror.ToStatus(err).Code().String()}
	}
	for _, pending := range description.GetPendingActivities() {
		if isAttempt(pending, attempt) {
			// Both times are the server's. Its timers are exact to a millisecond.
			early := pending.GetScheduledTime().AsTime().Sub(attempt.StartedTime)
			if early < time.Millisecond {
				return nil
			}
			return &notSentReason{delay: early, text: fmt.Sprintf("the Temporal server handed out attempt %d %s before it is due",
				attempt.Attempt, early.Round(time.Millisecond))}
		}
	}
	return &notSentReason{text: fmt.Sprintf("attempt %d is no longer the Temporal server's", attempt.Attempt)}
}

func isAttempt(pending *workflowpb.PendingActivityInfo, attempt activity.Info) bool {
	return pending.GetActivityId() == attempt.ActivityID && pending.GetAttempt() == attempt.Attempt &&
		pending.GetState() != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
}
