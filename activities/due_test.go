package activities

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func pendingAttempt(id string, attempt int32, state enumspb.PendingActivityState, due time.Time) *workflowpb.PendingActivityInfo {
	return &workflowpb.PendingActivityInfo{ActivityId: id, Attempt: attempt, State: state, ScheduledTime: timestamppb.New(due)}
}

func TestAttemptsThatTheServerHandsOutAgain(t *testing.T) {
	t.Parallel()
	const started, scheduled = enumspb.PENDING_ACTIVITY_STATE_STARTED, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
	now := time.Now()
	for name, test := range map[string]struct {
		pending []*workflowpb.PendingActivityInfo
		err     error
		message string // "": it sends its request
		delay   time.Duration
	}{
		"due": {
			pending: []*workflowpb.PendingActivityInfo{pendingAttempt("5", 2, started, now.Add(-time.Second))},
		},
		"due to the millisecond": {
			pending: []*workflowpb.PendingActivityInfo{pendingAttempt("5", 2, started, now.Add(time.Millisecond-1))},
		},
		"among others": {
			pending: []*workflowpb.PendingActivityInfo{
				pendingAttempt("4", 2, started, now.Add(time.Hour)), pendingAttempt("5", 2, started, now)},
		},
		"canceled meanwhile": {
			pending: []*workflowpb.PendingActivityInfo{
				pendingAttempt("5", 2, enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED, now)},
		},
		"early": {
			pending: []*workflowpb.PendingActivityInfo{pendingAttempt("5", 2, started, now.Add(4800*time.Millisecond))},
			message: "the Temporal server handed out attempt 2 4.8s before it is due", delay: 4800 * time.Millisecond,
		},
		"given up for a later one": {
			pending: []*workflowpb.PendingActivityInfo{pendingAttempt("5", 3, started, now)},
			message: "attempt 2 is no longer the Temporal server's",
		},
		"not known to have started": {
			pending: []*workflowpb.PendingActivityInfo{pendingAttempt("5", 2, scheduled, now)},
			message: "attempt 2 is no longer the Temporal server's",
		},
		"no longer pending": {
			message: "attempt 2 is no longer the Temporal server's",
		},
		"asking is not permitted": {err: serviceerror.NewPermissionDenied("no", "")},
		"asking is not known":     {err: serviceerror.NewUnimplemented("no")},
		"server unreachable": {
			err:     serviceerror.NewUnavailable("unreachable"),
			message: "the Temporal server does not say whether this attempt is due: Unavailable",
		},
		"any error": {
			err:     errors.New("any"),
			message: "the Temporal server does not say whether this attempt is due: Unknown",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempt := activity.Info{ActivityID: "5", Attempt: 2, StartedTime: now}

			reason := notBeforeDueBy(
				&workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: test.pending}, test.err, attempt)

			if test.message == "" {
				require.Nil(t, reason)
				return
			}
			failed := failure{method: GetTaskResultActivity, details: ErrorDetails{TaskID: 74372499131, Polls: 12}}
			var got *temporal.ApplicationError
			require.ErrorAs(t, failed.notSent(reason), &got)
			require.Equal(t, ErrorTypeRequestFailed, got.Type())
			require.False(t, got.NonRetryable())
			require.Equal(t, "task 74372499131: getTaskResult: not sent: "+test.message, got.Message())
			require.Equal(t, test.delay, got.NextRetryDelay())
			var details ErrorDetails
			require.NoError(t, got.Details(&details))
			require.Equal(t, ErrorDetails{
				TaskID: 74372499131, Polls: 12, LastError: "getTaskResult: not sent: " + test.message,
			}, details)
		})
	}
}
