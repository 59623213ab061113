package callback

import "go.temporal.io/sdk/client"

// callbacksMetric is the counter's name as a metrics handler gets it: Prometheus adds "_total".
const callbacksMetric = "twocaptcha_callbacks"

// counts are the counters of calls, by outcome.
type counts struct{ woken, notWaiting, rejected, failed client.MetricsCounter }

func newCounts(metrics client.MetricsHandler) counts {
	if metrics == nil {
		metrics = client.MetricsNopHandler
	}
	of := func(outcome string) client.MetricsCounter {
		return metrics.WithTags(map[string]string{"outcome": outcome}).Counter(callbacksMetric)
	}
	return counts{of("woken"), of("not_waiting"), of("rejected"), of("failed")}
}
