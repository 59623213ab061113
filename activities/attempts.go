package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// attempt is what is known of this attempt. In the SDK's test environments it begins by the wall
// clock, which knows nothing of the time that they skip: it begins by this provider's clock, if it
// has one.
func (a *Activities) attempt(ctx context.Context) activity.Info {
	attempt := activity.GetInfo(ctx)
	if a.clock != nil && isTestEnvironment(attempt) {
		attempt.StartedTime, attempt.ScheduledTime = a.clock(), time.Time{}
	}
	return attempt
}

// isTestEnvironment tells whether the attempt runs in one of the SDK's test environments, by its
// task token. There is no server to ask there: their client ends the process.
func isTestEnvironment(attempt activity.Info) bool {
	return string(attempt.TaskToken) == attempt.WorkflowExecution.RunID+"#"+attempt.ActivityID
}

// attempts is what an activity's attempts leave to those after them, as heartbeat details. Only an
// attempt that sent nothing or failed records them, so that they cost nothing as a rule.
type attempts struct {
	// Unsent is how many attempts are known to have sent nothing.
	Unsent int `json:"unsent,omitempty"`
	// Failures is how many requests in a row have failed, up to now; of pollTaskResult alone.
	Failures int `json:"failures,omitempty"`
}

// attemptsBefore are those before this attempt, as far as they are known.
func attemptsBefore(ctx context.Context) attempts {
	var before attempts
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &before) // of another version they may be of another kind
	}
	return before
}

// requestsBefore is how many requests this activity may have sent in the attempts before this one.
func requestsBefore(ctx context.Context) int {
	return max(int(activity.GetInfo(ctx).Attempt)-1-attemptsBefore(ctx).Unsent, 0)
}

// record notes whether this attempt has sent nothing, and how many requests in a row have failed,
// if that changes what is known.
func record(ctx context.Context, unsent bool, failures int) {
	before := attemptsBefore(ctx)
	now := attempts{Unsent: before.Unsent, Failures: failures}
	if unsent {
		now.Unsent++
	}
	if now != before {
		activity.RecordHeartbeat(ctx, now)
	}
}
