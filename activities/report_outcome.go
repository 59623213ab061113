package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"

	"github.com/temporal-providers/temporal-2captcha/internal/submission"
)

const (
	// reportTimeout bounds one report. The client itself repeats it for half of that.
	reportTimeout = 10 * time.Second
	// maxReportDelay is short, since a workflow whose outcome is unknown waits for a minute.
	maxReportDelay = 5 * time.Second
	// reportingTime is the longest time that a wait may take.
	reportingTime = 24 * time.Hour
	// stoppedTime is how long a report goes on after its worker was told to stop, if the process
	// lives.
	stoppedTime = time.Minute
)

// outcome is how an attempt that may have sent its request has ended.
type outcome struct {
	result  any
	failure error // nil: the task was bought
	call    submission.Call
	signals bool // the workflow takes the call by a signal too
}

// reportOutcome reports until Temporal takes the outcome, and returns what the attempt returns
// then. The SDK would give up after 10 seconds, and what was bought would be lost in an outage of
// the server. If the attempt is over meanwhile, the workflow hears of the task by a signal.
func reportOutcome(ctx context.Context, server temporalServer, attempt activity.Info, o outcome) error {
	if _, isTest := server.(testEnvironment); isTest {
		return o.failure
	}
	r := newReporting(ctx, o.logged()...)
	if o.failure != nil {
		logFailure := r.logger.Error // as the SDK logs what it reports itself
		if isBenign(o.failure) {
			logFailure = r.logger.Debug
		}
		logFailure("Activity error.", "Error", o.failure)
	}
	taken := r.untilTaken("the activity's outcome", func(ctx context.Context) error {
		return server.complete(ctx, o.result, o.failure)
	})
	if !taken && o.failure == nil && o.signals && o.call.TaskID != 0 && attempt.WorkflowExecution.ID != "" {
		taken = r.untilTaken("the signal that names the task", func(ctx context.Context) error {
			return server.signal(ctx, submission.Signal, o.call)
		})
	}
	if !taken && o.failure == nil {
		r.logger.Error("A task was bought, and Temporal does not take its id any more: the attempt is over. " +
			"If nobody has the id, wait for the task by it.")
	}
	return activity.ErrResultPending
}

// logged is the outcome without what may be secret.
func (o outcome) logged() []any {
	if o.call.TaskID == 0 {
		return nil
	}
	return []any{"TaskID", o.call.TaskID}
}

// reporting is how reports are repeated.
type reporting struct {
	ctx     context.Context
	time    time.Duration   // how long a report is repeated
	stopped <-chan struct{} // closed when the worker is told to stop
	logger  log.Logger
}

// newReporting goes on when the attempt is over.
func newReporting(ctx context.Context, logged ...any) reporting {
	return reporting{
		ctx: context.WithoutCancel(ctx), time: reportingTime, stopped: activity.GetWorkerStopChannel(ctx),
		logger: log.With(activity.GetLogger(ctx), logged...),
	}
}

// untilTaken repeats a report until the server takes it, and tells whether it did. It ends early if
// the server knows of nothing that would take it, a minute after the worker was told to stop, and
// when its time is over.
func (r reporting) untilTaken(what string, report func(context.Context) error) bool {
	ended := time.NewTimer(r.time)
	defer ended.Stop()
	end, stopped := time.Now().Add(r.time), r.stopped
	for delay := time.Second; ; delay = min(2*delay, maxReportDelay) {
		ctx, cancel := context.WithTimeout(r.ctx, reportTimeout)
		err := report(ctx)
		cancel()
		switch {
		case err == nil:
			return true
		case isHopeless(err):
			return false
		case delay == time.Second:
			r.logger.Warn("Temporal has not taken "+what+" yet: the worker goes on reporting it.", "Error", err)
		}
		next := time.NewTimer(delay)
		select {
		case <-next.C:
		case <-stopped:
			stopped = nil
			ended.Reset(min(stoppedTime, time.Until(end)))
		case <-ended.C:
			next.Stop()
			return false
		}
		next.Stop()
	}
}

// isHopeless tells whether the server refuses a report for good.
func isHopeless(err error) bool {
	var notFound *serviceerror.NotFound
	var noNamespace *serviceerror.NamespaceNotFound
	var invalid *serviceerror.InvalidArgument
	return errors.As(err, &notFound) || errors.As(err, &noNamespace) || errors.As(err, &invalid)
}
