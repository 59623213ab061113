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

	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

// dueTimeout is short enough to leave a request its time within the attempt, also after a wait of
// 5 seconds.
const dueTimeout = 3 * time.Second

// notBeforeDue refuses an attempt that the Temporal server hands out before the delay after the
// previous one is over, and one that is no longer the server's current one. A server that crashes,
// or whose shards move, delivers again what it has not noted as done; it takes the task of an
// attempt that has ended for the start of the next one, however long that is to wait (seen with
// 1.29.1; https://github.com/temporalio/temporal/issues/7515).
//
// What a worker is handed doesn't say when the attempt is due, so the server is asked: for repeated
// attempts alone, and that is not a billed action. If the server permits no such question, the
// attempt goes on. If it gives no answer, the attempt waits here until the 5 seconds are over, and
// goes on: a guard that is broken must not stop the polls.
func notBeforeDue(ctx context.Context, attempt activity.Info) *notSentReason {
	if attempt.Attempt <= 1 || attempt.IsLocalActivity || attempt.WorkflowExecution.ID == "" || isTestEnvironment(attempt) {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, dueTimeout)
	defer cancel()
	description, err := activity.GetClient(ctx).DescribeWorkflow(asking, attempt.WorkflowExecution.ID, attempt.WorkflowExecution.RunID)
	if err != nil {
		return withoutDueTime(ctx, activity.GetWorkerStopChannel(ctx), err)
	}
	return notBeforeDueBy(description.RawResponse, attempt)
}

// withoutDueTime lets an attempt go on whose due time the server did not tell.
func withoutDueTime(ctx context.Context, workerStops <-chan struct{}, err error) *notSentReason {
	status := serviceerror.ToStatus(err) // also of an error that is a gRPC status and nothing else
	var notPermitted *serviceerror.PermissionDenied
	var notKnown *serviceerror.Unimplemented
	if err := serviceerror.FromStatus(status); errors.As(err, &notPermitted) || errors.As(err, &notKnown) {
		return nil
	}
	timer := time.NewTimer(schedule.MinInterval)
	defer timer.Stop()
	const unknown = "the Temporal server does not say whether this attempt is due (%s), and %s"
	select {
	case <-timer.C:
		return nil
	case <-workerStops:
		return &notSentReason{text: fmt.Sprintf(unknown, status.Code(), "the worker stopped while the attempt waited")}
	case <-ctx.Done():
		return &notSentReason{text: fmt.Sprintf(unknown, status.Code(), "the attempt was given up while it waited")}
	}
}

// notBeforeDueBy judges by the server's answer.
func notBeforeDueBy(description *workflowservice.DescribeWorkflowExecutionResponse, attempt activity.Info) *notSentReason {
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
