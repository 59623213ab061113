package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The metrics of requests, as a metrics handler gets them: Prometheus adds "_total" to the name
// of a counter and "_seconds" to that of a timer.
const (
	requestsMetric       = "twocaptcha_requests"
	requestLatencyMetric = "twocaptcha_request_latency"
)

// The outcomes of requests. Another outcome is a code of the service's table.
const (
	outcomeOK                 = "ok"
	outcomeOtherCode          = "other_code"
	outcomeUnexpectedResponse = "unexpected_response"
	outcomeHTTPError          = "http_error"
	outcomeTransportError     = "transport_error"
	outcomeNotSent            = "" // it is not counted
)

// countRequest counts a request that took so long and ended with err.
func countRequest(ctx context.Context, method string, took time.Duration, err error) {
	metrics := activity.GetMetricsHandler(ctx)
	if metrics == client.MetricsNopHandler {
		return
	}
	outcome, answered := outcomeOf(err)
	if outcome == outcomeNotSent {
		return
	}
	metrics.WithTags(map[string]string{"method": method, "outcome": outcome}).Counter(requestsMetric).Inc(1)
	if answered {
		metrics.WithTags(map[string]string{"method": method}).Timer(requestLatencyMetric).Record(took)
	}
}

// outcomeOf returns the outcome of a request that ended with err, and whether it was answered. What
// the service says freely is not part of it: the values of a label are few.
func outcomeOf(err error) (outcome string, answered bool) {
	var serviceError *twocaptcha.ServiceError
	var transportError *twocaptcha.TransportError
	switch {
	case err == nil:
		return outcomeOK, true
	case errors.As(err, &serviceError) && twocaptcha.IsKnownCode(serviceError.Code):
		return serviceError.Code, true
	case errors.As(err, &serviceError):
		return outcomeOtherCode, true
	case !errors.As(err, &transportError):
		return outcomeTransportError, false
	case transportError.NotSent && errors.Is(err, context.Canceled): // given up before it was sent
		return outcomeNotSent, false
	}
	return transportErrorClasses[transportError.Reason].outcome, transportError.HTTPStatus != 0
}
