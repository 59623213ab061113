package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// question is one request of an activity's attempt.
type question[Answer any] struct {
	method string // of the API
	taskID int64  // 0 if the method is not about one task
	// isPoll tells that the request asks for a task's result. Such requests for one task keep their
	// distance, and attempts that sent none are counted.
	isPoll bool
	// polls returns how many polls the wait has had, if this activity has sent so many requests; nil
	// if the activity does not count them.
	polls func(requests int) int
	// retryDelay returns after which delay the request is repeated, which has failed with an error
	// that asks for such a delay, or for none: 0. It records the attempt, which may have sent nothing.
	// nil leaves the delay to the activity's retry policy.
	retryDelay func(asked time.Duration, unsent bool) time.Duration
	// heldBack is told that the breaker refuses the request, and for how long. nil: nobody is.
	heldBack func(delay time.Duration)
	mark     submission.Mark // of createTask
	// hasTurn tells that the request comes with another one that the breaker has let pass.
	hasTurn bool
	// isKeptBack tells, when the request has failed, that it was not sent because of something else
	// than the service and the way to it; nil: that can't be.
	isKeptBack func() bool
	// begun returns when the request was sent, if something else came first; zero: it was not. nil:
	// nothing comes first.
	begun func() time.Time
	// send sends the request. An error that is a *notSentReason says why it did not; one that is an
	// ApplicationError is the attempt's, and nothing was sent either.
	send func(context.Context) (*Answer, error)
}

// ask sends one request: it is the only place that does, that counts requests, that knows about
// attempts and due times, and that classifies failures. The error is an ApplicationError.
func ask[Answer any](ctx context.Context, a *Activities, q question[Answer]) (*Answer, error) {
	attempt := a.attempt(ctx)
	requests := requestsBefore(ctx)
	failure := failure{method: q.method, details: ErrorDetails{TaskID: q.taskID}, mark: q.mark}
	countPolls := func(requests int) {
		if q.polls != nil {
			failure.details.Polls = q.polls(requests)
		}
	}
	answer, reason, err := sendInTurn(ctx, a, attempt, q)
	if reason != nil && reason.held {
		reason.delay = delayOfHeldBack(attempt, reason.delay)
		if q.heldBack != nil {
			q.heldBack(reason.delay)
		}
	}
	switch {
	case reason != nil && q.isPoll:
		record(ctx, true, attemptsBefore(ctx).Failures)
		countPolls(requests)
		return nil, failure.notSent(reason, polling.NotSent{Requests: requests})
	case reason != nil:
		return nil, failure.notSent(reason)
	case err != nil && q.isPoll && hasSentNothing(err):
		countPolls(requests)
		if q.retryDelay == nil {
			record(ctx, true, attemptsBefore(ctx).Failures)
		}
		err = withRetryDelay(attempt, failure.classify(err), q.repeatedAfter(true))
		return nil, withDetail(err, polling.NotSent{Requests: requests})
	case err != nil:
		countPolls(requests + 1)
		failure.delay = a.holdBack(attempt, q.method, q.taskID, err)
		return nil, withRetryDelay(attempt, failure.classify(err), q.repeatedAfter(false))
	}
	return answer, nil
}

// repeatedAfter is retryDelay of an attempt that has sent nothing, or that has sent the request.
func (q question[Answer]) repeatedAfter(unsent bool) func(asked time.Duration) time.Duration {
	if q.retryDelay == nil {
		return nil
	}
	return func(asked time.Duration) time.Duration { return q.retryDelay(asked, unsent) }
}

// hasSentNothing tells whether the client's error is of a request that was not sent, or not in
// full, and that nobody has answered: no connection, or no key.
func hasSentNothing(err error) bool {
	var transportError *twocaptcha.TransportError
	return errors.As(err, &transportError) && transportError.NotSent && transportError.HTTPStatus == 0
}

// sendInTurn sends the request if this attempt may, or says why it may not.
func sendInTurn[Answer any](
	ctx context.Context, a *Activities, attempt activity.Info, q question[Answer],
) (*Answer, *notSentReason, error) {
	activityCtx := ctx
	ctx, cancel, reason := withinAttempt(ctx, attempt, a.now())
	if reason != nil {
		return nil, reason, nil
	}
	defer cancel()
	if reason := notBeforeDue(ctx, attempt); reason != nil {
		return nil, reason, nil
	}
	if reason := a.refusal(attempt, q.method, q.taskID, q.hasTurn); reason != nil {
		return nil, reason, nil
	}
	if q.isPoll && a.keepsTime(attempt) {
		if wait := a.sent.begin(q.taskID, a.now()); wait > 0 {
			return nil, &notSentReason{delay: wait, text: fmt.Sprintf(
				"the last request for this task was less than 5s ago; the next one may be sent in %s", wait.Round(time.Millisecond))}, nil
		}
		defer func() { a.sent.end(q.taskID, a.now()) }()
	}
	begun := time.Now()
	answer, err := q.send(ctx)
	if errors.As(err, &reason) {
		return nil, reason, nil
	}
	if !errors.As(err, new(*temporal.ApplicationError)) && (err == nil || q.isKeptBack == nil || !q.isKeptBack()) {
		if q.begun != nil && !q.begun().IsZero() {
			begun = q.begun()
		}
		countRequest(ctx, q.method, time.Since(begun), err)
		a.service.note(activityCtx, a.now(), err)
	}
	return answer, nil, err
}

// keepsTime tells whether time passes by this provider's clock: the SDK's test environments skip
// time, of which time.Now knows nothing.
func (a *Activities) keepsTime(attempt activity.Info) bool {
	return a.clock != nil || !isTestEnvironment(attempt)
}

// refusal returns why the breaker refuses the request, or nil. A request that has begun already,
// and of which nothing is sent yet, needs no turn.
func (a *Activities) refusal(attempt activity.Info, method string, taskID int64, begun bool) *notSentReason {
	if !a.keepsTime(attempt) {
		return nil
	}
	return a.breaker.refusal(method, callerOf(attempt, taskID), a.now(), begun)
}

// holdBack has the breaker hold back what the service's answer says. It returns after which delay
// the request itself may be sent again, or 0 if the breaker does not say.
func (a *Activities) holdBack(attempt activity.Info, method string, taskID int64, err error) time.Duration {
	what, cause, delay := heldBackBy(method, err)
	if what == nothing || !a.keepsTime(attempt) {
		return 0
	}
	wait := a.breaker.hold(what, cause, delay, callerOf(attempt, taskID), a.now())
	if what == submissions { // the one that was answered has a delay of its own, which grows
		return 0
	}
	return wait
}

// delayOfHeldBack is after which delay an attempt is repeated that the breaker has refused. If the
// activity has few attempts, it is at least that after a failure, so that they are not used up by
// short pauses. If the next attempt would be too late to send anything, the activity closes at once
// (see withRetryDelay).
func delayOfHeldBack(attempt activity.Info, wait time.Duration) time.Duration {
	if policy := attempt.RetryPolicy; policy != nil && policy.MaximumAttempts == 1 {
		return wait
	} else if policy != nil && policy.MaximumAttempts > 1 {
		wait = max(wait, policyDelay(attempt))
	}
	if isLate(attempt, attempt.StartedTime.Add(wait)) {
		wait += attempt.StartToCloseTimeout
	}
	return wait
}

// notSentReason says why an attempt sends no request, and after which delay the next attempt is
// due; a delay of 0 leaves it to the retry policy.
type notSentReason struct {
	text  string
	delay time.Duration
	held  bool // by the breaker
}

// Error returns the reason's text.
func (r *notSentReason) Error() string { return r.text }

// withinAttempt bounds ctx by the end of this attempt as the server sees it. A worker that was
// stopped and continued runs old attempts under a fresh deadline. Meanwhile the server has given
// such an attempt up, and another may have sent its request, so that a late one would come too
// close to it.
//
// A repeated attempt without its whole time left sends nothing: the activity could be over before
// its answer is there, and whoever scheduled it would send another request too soon.
func withinAttempt(
	ctx context.Context, attempt activity.Info, now time.Time,
) (context.Context, context.CancelFunc, *notSentReason) {
	if attempt.StartToCloseTimeout <= 0 {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	age := now.Sub(attempt.StartedTime)
	left := attempt.StartToCloseTimeout - age
	if left <= 0 {
		return nil, nil, &notSentReason{text: fmt.Sprintf("this attempt began %s ago and had %s; the worker was stopped "+
			"meanwhile, or its clock is ahead of the Temporal server's", age.Round(time.Millisecond), attempt.StartToCloseTimeout)}
	}
	if attempt.Attempt > 1 && isLate(attempt, attempt.StartedTime) {
		return nil, nil, &notSentReason{delay: attempt.StartToCloseTimeout, text: fmt.Sprintf(
			"less than %s are left of the %s that the activity has", attempt.StartToCloseTimeout, attempt.ScheduleToCloseTimeout)}
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	return ctx, cancel, nil
}

// isLate tells whether an attempt that starts then would lack time to its activity's
// ScheduleToClose. If that is no more than one attempt's time, it says nothing about repeats: the
// server sets StartToClose to it if the caller gave none.
func isLate(attempt activity.Info, starts time.Time) bool {
	if attempt.ScheduledTime.IsZero() || attempt.StartToCloseTimeout <= 0 ||
		attempt.ScheduleToCloseTimeout <= attempt.StartToCloseTimeout {
		return false
	}
	return starts.Add(attempt.StartToCloseTimeout).After(attempt.ScheduledTime.Add(attempt.ScheduleToCloseTimeout))
}

// withRetryDelay has a failure that is to be repeated say when, if its activity's retry policy
// would say otherwise. If the next attempt would be too late to send anything, the failure asks for
// a delay that the server has no room for, which closes the activity at once: whoever scheduled it
// goes on without waiting for that attempt. The only attempt of its activity says no more than what
// the service asks for.
func withRetryDelay(attempt activity.Info, err error, retryDelay func(asked time.Duration) time.Duration) error {
	var failed *temporal.ApplicationError
	if !errors.As(err, &failed) || failed.NonRetryable() {
		return err
	}
	if policy := attempt.RetryPolicy; policy != nil && policy.MaximumAttempts == 1 {
		return err
	}
	delay := failed.NextRetryDelay()
	switch {
	case retryDelay != nil:
		delay = retryDelay(delay)
	case delay <= 0:
		delay = policyDelay(attempt)
	}
	late := isLate(attempt, attempt.StartedTime.Add(delay))
	switch {
	case late:
		delay += attempt.StartToCloseTimeout
	case retryDelay == nil:
		return err
	}
	return remade(failed, delay)
}

// withDetail adds to the details of one of this package's errors.
func withDetail(err error, detail any) error {
	var failed *temporal.ApplicationError
	if !errors.As(err, &failed) {
		return err
	}
	return remade(failed, failed.NextRetryDelay(), detail)
}

// remade is one of this package's errors with another delay, and with more details.
func remade(failed *temporal.ApplicationError, delay time.Duration, more ...any) error {
	return temporal.NewApplicationErrorWithOptions(failed.Message(), failed.Type(), temporal.ApplicationErrorOptions{
		NonRetryable: failed.NonRetryable(), NextRetryDelay: delay, Category: failed.Category(),
		Details: append([]any{detailsOf(failed)}, more...),
	})
}

// policyDelay is the delay of the activity's retry policy after this attempt. A server that doesn't
// tell the policy is taken to have that of this project's workflows.
func policyDelay(attempt activity.Info) time.Duration {
	policy := attempt.RetryPolicy
	if policy == nil || policy.InitialInterval <= 0 {
		return schedule.RetryDelay(int(attempt.Attempt), schedule.MaxRetryDelay)
	}
	longest := policy.MaximumInterval
	if longest <= 0 {
		longest = 100 * policy.InitialInterval // the server's default
	}
	delay := float64(policy.InitialInterval) * math.Pow(max(policy.BackoffCoefficient, 1), float64(attempt.Attempt-1))
	return time.Duration(min(delay, float64(longest)))
}
