package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
)

// question is one request of an activity's attempt.
type question[Answer any] struct {
	method string // of the API
	taskID int64  // 0 if the method is not about one task
	polls  int    // that the wait has had with this attempt; 0 if the activity does not count them
	send   func(context.Context) (*Answer, error)
}

// ask sends one request: it is the only place that does, that knows about attempts and due times,
// and that classifies failures. The error is an ApplicationError.
func ask[Answer any](ctx context.Context, q question[Answer]) (*Answer, error) {
	failure := failure{method: q.method, details: ErrorDetails{TaskID: q.taskID, Polls: q.polls}}
	ctx, cancel, reason := withinAttempt(ctx)
	if reason != nil {
		return nil, failure.notSent(reason)
	}
	defer cancel()
	if reason := notBeforeDue(ctx); reason != nil {
		return nil, failure.notSent(reason)
	}
	answer, err := q.send(ctx)
	if err != nil {
		return nil, failure.classify(err)
	}
	return answer, nil
}

// notSentReason says why an attempt sends no request, and after which delay the next attempt is
// due; a delay of 0 leaves it to the retry policy.
type notSentReason struct {
	text  string
	delay time.Duration
}

// withinAttempt bounds ctx by the end of this attempt as the server sees it. A worker that was
// stopped and continued runs old attempts under a fresh deadline. Meanwhile the server has given
// such an attempt up, and another may have sent its request, so that a late one would come too
// close to it.
func withinAttempt(ctx context.Context) (context.Context, context.CancelFunc, *notSentReason) {
	attempt := activity.GetInfo(ctx)
	if attempt.StartToCloseTimeout <= 0 {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	end := attempt.StartedTime.Add(attempt.StartToCloseTimeout)
	if late := time.Since(end); late >= 0 {
		return nil, nil, &notSentReason{text: fmt.Sprintf("this attempt began %s ago and had %s; the worker was stopped "+
			"meanwhile, or its clock is ahead of the Temporal server's",
			(late + attempt.StartToCloseTimeout).Round(time.Millisecond), attempt.StartToCloseTimeout)}
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	return ctx, cancel, nil
}
