package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The service has been failing for a while if so many requests have failed in a row, the first of
// them so long ago. A hiccup is shorter, and the retries take care of it. A service that asks for a
// longer delay has said so itself, and hears few requests until then.
const (
	failingTime     = time.Minute
	failingRequests = 3
)

// serviceWatch tells in the log when the service has been failing for a while, and when it is back:
// one line each, however many requests there are. Failures of single attempts are benign, and are
// logged at debug only.
type serviceWatch struct {
	mutex    sync.Mutex
	failures int       // in a row
	since    time.Time // the first of them
	told     bool
}

// note takes in what a request has come to. A request that was not sent, or that was given up on
// this side, says nothing of the service.
func (w *serviceWatch) note(ctx context.Context, now time.Time, err error) {
	if ctx.Err() != nil || isOfThisSide(err) {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	logger := activity.GetLogger(ctx)
	if !isServiceFailure(err) {
		if w.told {
			logger.Info("The service answers again.", "failedFor", now.Sub(w.since).Round(time.Second).String(), "requests", w.failures)
		}
		w.failures, w.told = 0, false
		return
	}
	if w.failures == 0 {
		w.since = now
	}
	w.failures++
	failing := now.Sub(w.since)
	message := "The service has been failing for a while: requests are repeated."
	switch {
	case w.told:
		return
	case isBan(err):
		message = "The service refuses this process for a while: requests are held back."
	case failing < failingTime || w.failures < failingRequests:
		return
	}
	w.told = true
	logger.Warn(message, "failingFor", failing.Round(time.Second).String(), "requests", w.failures, "Error", err)
}

// isServiceFailure tells whether a request has brought no answer, or one by which the service can't
// do its work now.
func isServiceFailure(err error) bool {
	var serviceError *twocaptcha.ServiceError
	var transportError *twocaptcha.TransportError
	switch {
	case errors.As(err, &serviceError):
		return serviceErrorClasses[serviceError.Code].of(serviceError.Method).retryable
	case errors.As(err, &transportError):
		return transportErrorClasses[transportError.Reason].class.retryable
	}
	return false
}

// isBan tells whether the service refuses this process for a while.
func isBan(err error) bool {
	var serviceError *twocaptcha.ServiceError
	return errors.As(err, &serviceError) &&
		serviceErrorClasses[serviceError.Code].of(serviceError.Method).holds == everything
}

// isOfThisSide tells whether a request failed before it could reach the service.
func isOfThisSide(err error) bool {
	var transportError *twocaptcha.TransportError
	return errors.As(err, &transportError) &&
		(transportError.Reason == twocaptcha.ReasonClientKey || transportError.Reason == twocaptcha.ReasonInput)
}
