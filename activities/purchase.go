package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/message"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// purchase is what one attempt of an activity is to buy.
type purchase struct {
	request twocaptcha.CreateTaskRequest
	// mark is recorded before the request is sent. It is not empty.
	mark submission.Mark
	// repeated tells that the activity's own attempts repeat the request after an answer by which
	// nothing was bought.
	repeated bool
	// signals tells that the workflow takes the task's id by a signal too.
	signals bool
}

func (p purchase) failure() failure { return failure{method: CreateTaskActivity, mark: p.mark} }

// refusal is why nothing is sent in this attempt nor in any later one, or nil.
func (p purchase) refusal(ctx context.Context, problem error) error {
	switch {
	case problem != nil:
		return newInvalidInput(0, CreateTaskActivity+": "+problem.Error())
	case activity.GetInfo(ctx).IsLocalActivity:
		return newInvalidInput(0, CreateTaskActivity+": it can't be a local activity, which has no heartbeats, so that a repeat "+
			"could buy the task again: schedule it as an activity")
	case len(p.request.Task) > MaxTaskBytes:
		return newInvalidInput(0, fmt.Sprintf("%s: the task is %d bytes large: it takes at most %d, since Temporal takes no more "+
			"than 2 MiB; use smaller images", CreateTaskActivity, len(p.request.Task), MaxTaskBytes))
	case p.request.SoftID < 0:
		return newInvalidInput(0, CreateTaskActivity+": softId is below 0: it takes the id of a registered software, or 0 for none")
	}
	if err := twocaptcha.CheckTask(p.request.Task); err != nil {
		return newInvalidInput(0, CreateTaskActivity+": "+err.Error())
	}
	if hasMark(ctx) {
		return p.failure().outcomeUnknown("an attempt before this one was about to send the request, and ended without an answer; " +
			CreateTaskActivity + " was not called again")
	}
	return nil
}

// buy sends the request if this attempt may, and reports what came of it.
func buy[Output any](
	ctx context.Context, a *Activities, p purchase, output func(*twocaptcha.CreateTaskResult) Output,
) (Output, error) {
	attempt := activity.GetInfo(ctx)
	server := a.temporalServer(ctx, attempt)
	m := &marking{ctx: ctx, server: server, mark: p.mark, refusal: func() *notSentReason {
		return a.refusal(attempt, CreateTaskActivity, 0, true)
	}}
	p.request.BeforeSending = m.make
	var none Output
	bought, err := ask(ctx, a, question[twocaptcha.CreateTaskResult]{
		method: CreateTaskActivity, mark: p.mark, isKeptBack: m.isRefused, begun: m.begun,
		send: func(ctx context.Context) (*twocaptcha.CreateTaskResult, error) {
			if err := a.belowMinBalance(ctx); err != nil {
				return nil, err
			}
			ctx, cancel := m.untilSent(ctx)
			defer cancel()
			bought, err := a.client.CreateTask(ctx, p.request)
			if reason := m.heldBack(); reason != nil {
				return nil, reason
			}
			return bought, err
		},
	})
	isMarked := m.end()
	switch {
	case err == nil:
		result := output(bought)
		err := reportOutcome(ctx, server, attempt, outcome{
			result: result, signals: p.signals,
			call: submission.Call{TaskID: bought.TaskID, Submission: p.mark.Submission},
		})
		if err != nil { // of an attempt that is over, the SDK logs what is returned
			return none, err
		}
		return result, nil
	case !isMarked:
		return none, err
	}
	err = p.withCallbackAdvice(err)
	if p.repeated {
		if err = m.clear(err); !isFinal(err) {
			return none, err // should it get lost, the next attempt finds no mark
		}
	}
	return none, reportOutcome(ctx, server, attempt, outcome{failure: err})
}

// withCallbackAdvice adds to a refusal what the reason may be, if the service was given an address
// that the workflow's caller knows nothing of.
func (p purchase) withCallbackAdvice(err error) error {
	var failed *temporal.ApplicationError
	if !p.signals || !p.mark.Callback || !errors.As(err, &failed) || !failed.NonRetryable() ||
		failed.Type() == ErrorTypeCreateTaskOutcomeUnknown {
		return err
	}
	const advice = "; if the reason is the callback address, which must be registered with the account: " +
		"\"disableCallback\": true goes without one"
	return newError(message.Shorten(failed.Message(), message.MaxBytes-len(advice))+advice, failed.Type(), verdict, 0, detailsOf(failed))
}

func isFinal(err error) bool {
	var failed *temporal.ApplicationError
	return errors.As(err, &failed) && failed.NonRetryable()
}

// markTimeout leaves the request its time within the attempt.
const markTimeout = 5 * time.Second

// marking is the mark of one attempt, which tells the attempts after it, and the workflow, that the
// request may have been sent.
type marking struct {
	ctx    context.Context // the attempt's
	server temporalServer
	mark   submission.Mark
	// refusal returns why the request may not be sent any more, or nil.
	refusal func() *notSentReason

	mutex sync.Mutex
	held  *notSentReason // of that refusal
	made  bool           // the server may have the mark
	over  bool           // no mark is made any more
	// sentAt is when the mark was made, and the request may have been on its way; zero: it was not.
	sentAt time.Time
	// refused tells that the server did not take the mark.
	refused bool
}

// make records the mark. It is called when the connection is ready, before the first byte. On an
// error nothing is sent.
func (m *marking) make() error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := m.ctx.Err(); err != nil {
		return err
	}
	if m.over {
		return context.Canceled
	}
	if m.held = m.refusal(); m.held != nil { // the service has told so while this one was connecting
		return m.held
	}
	m.made = true
	ctx, cancel := context.WithTimeout(m.ctx, markTimeout)
	defer cancel()
	if err := m.server.heartbeat(ctx, m.mark); err != nil {
		m.refused = true
		return fmt.Errorf("the Temporal server did not take the mark that comes before the request: %w", err)
	}
	if err := m.ctx.Err(); err != nil {
		return err
	}
	m.sentAt = time.Now()
	return nil
}

// heldBack returns why the breaker refused the request, or nil.
func (m *marking) heldBack() *notSentReason {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.held
}

// untilSent returns a context that ends with ctx, but once the mark is made only at ctx's deadline:
// the answer of a request that is on its way says what was bought.
func (m *marking) untilSent(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(reportingTime) // a request has a timeout of its own
	}
	sending, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	stop := context.AfterFunc(ctx, func() {
		m.mutex.Lock()
		defer m.mutex.Unlock()
		if m.sentAt.IsZero() {
			cancel()
		}
	})
	return sending, func() {
		stop()
		cancel()
	}
}

// begun is when the request was sent; zero: it was not.
func (m *marking) begun() time.Time {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.sentAt
}

// isRefused tells whether the server did not take the mark.
func (m *marking) isRefused() bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.refused
}

// end makes no mark after it, and tells whether there may be one.
func (m *marking) end() bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.over = true
	return m.made
}

// clear overwrites the mark after a failure by which nothing was bought and that is to be repeated.
// It tries until the attempt's time is over. If it can't, the failure is final: the next attempt
// would find the mark, and would say that the task may have been bought.
func (m *marking) clear(err error) error {
	var failed *temporal.ApplicationError
	if !errors.As(err, &failed) || failed.NonRetryable() {
		return err
	}
	r := newReporting(m.ctx)
	if deadline, ok := m.ctx.Deadline(); ok {
		r.time = min(time.Until(deadline), r.time)
	}
	if r.untilTaken("that nothing was bought", func(ctx context.Context) error {
		if err := m.server.heartbeat(ctx, submission.Mark{}); !isRecorded(err) {
			return err
		}
		return nil
	}) {
		return err
	}
	errorType := failed.Type()
	if errorType == ErrorTypeRequestFailed {
		errorType = ErrorTypeNotSubmitted
	}
	return newError(failed.Message(), errorType, verdict, 0, detailsOf(failed))
}

// hasMark tells whether an attempt before this one may have sent its request.
func hasMark(ctx context.Context) bool {
	if !activity.HasHeartbeatDetails(ctx) {
		return false
	}
	var mark submission.Mark
	return activity.GetHeartbeatDetails(ctx, &mark) != nil || mark.Submission != ""
}
