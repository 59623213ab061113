package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/temporal-providers/temporal-2captcha/internal/polling"
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempt := activity.Info{ActivityID: "5", Attempt: 2, StartedTime: now}

			reason := notBeforeDueBy(
				&workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: test.pending}, attempt)

			if test.message == "" {
				require.Nil(t, reason)
				return
			}
			failed := failure{method: GetTaskResultActivity, details: ErrorDetails{TaskID: 74372499131, Polls: 12}}
			var got *temporal.ApplicationError
			require.ErrorAs(t, failed.notSent(reason, polling.NotSent{Requests: 1}), &got)
			require.Equal(t, ErrorTypeRequestFailed, got.Type())
			require.False(t, got.NonRetryable())
			require.Equal(t, "task 74372499131: getTaskResult: not sent: "+test.message, got.Message())
			require.Equal(t, test.delay, got.NextRetryDelay())
			var details ErrorDetails
			var notSent polling.NotSent
			require.NoError(t, got.Details(&details, &notSent))
			require.Equal(t, 1, notSent.Requests)
			require.Equal(t, ErrorDetails{
				TaskID: 74372499131, Polls: 12, LastError: "getTaskResult: not sent: " + test.message,
			}, details)
		})
	}
}

// A guard that is broken must not stop the polls: the attempt waits, and goes on.
func TestServerThatDoesNotSayWhetherAnAttemptIsDue(t *testing.T) {
	t.Parallel()
	raw := func(err error) error { return serviceerror.ToStatus(err).Err() } // a gRPC status and nothing else
	for name, test := range map[string]struct {
		err   error
		waits bool
	}{
		"not permitted":              {serviceerror.NewPermissionDenied("no", ""), false},
		"not permitted, as a status": {raw(serviceerror.NewPermissionDenied("no", "")), false},
		"not known":                  {serviceerror.NewUnimplemented("no"), false},
		"not known, as a status":     {raw(serviceerror.NewUnimplemented("404 page not found")), false},
		"unreachable":                {serviceerror.NewUnavailable("unreachable"), true},
		"a gateway's 502":            {raw(serviceerror.NewUnavailable("502 Bad Gateway")), true},
		"a rate limit":               {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "slow"), true},
		"internal":                   {serviceerror.NewInternal("oops"), true},
		"internal, as a status":      {raw(serviceerror.NewInternal("oops")), true},
		"not found":                  {serviceerror.NewNotFound("moved"), true},
		"any error":                  {errors.New("any"), true},
		"the question took too long": {context.DeadlineExceeded, true},
		"wrapped":                    {fmt.Errorf("asking: %w", serviceerror.NewPermissionDenied("no", "")), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()

				reason := withoutDueTime(t.Context(), make(chan struct{}), test.err)

				require.Nil(t, reason)
				waited := time.Duration(0)
				if test.waits {
					waited = 5 * time.Second
				}
				require.Equal(t, waited, time.Since(began))
			})
		})
	}
}

func TestWorkerThatStopsWhileAnAttemptWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopped := make(chan struct{})
		time.AfterFunc(2*time.Second, func() { close(stopped) })

		reason := withoutDueTime(t.Context(), stopped, serviceerror.NewUnavailable("unreachable"))

		require.NotNil(t, reason, "nothing may be sent before 5 s have passed")
		require.Contains(t, reason.text, "(Unavailable), and the worker stopped while the attempt waited")
		require.Zero(t, reason.delay, "the retry policy's")
	})
}
