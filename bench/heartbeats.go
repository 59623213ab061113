package main

import (
	"sync/atomic"

	"go.temporal.io/sdk/client"
)

// heartbeatCounter is a metrics handler of the SDK that counts the heartbeats which a worker sends to the server, and drops
// every other metric. Heartbeats are billable, and no history has them.
type heartbeatCounter struct {
	sent      *atomic.Int64
	operation string // what the metrics with this handler's tags are of
}

func newHeartbeatCounter() heartbeatCounter {
	return heartbeatCounter{sent: new(atomic.Int64)}
}

func (h heartbeatCounter) WithTags(tags map[string]string) client.MetricsHandler {
	if operation, tagged := tags["operation"]; tagged {
		h.operation = operation
	}
	return h
}

// Counter counts what the SDK reports as requests of a worker to the server.
func (h heartbeatCounter) Counter(name string) client.MetricsCounter {
	if name == "temporal_request" && h.operation == "RecordActivityTaskHeartbeat" {
		return increment{h.sent}
	}
	return client.MetricsNopHandler.Counter(name)
}

func (h heartbeatCounter) Gauge(name string) client.MetricsGauge {
	return client.MetricsNopHandler.Gauge(name)
}

func (h heartbeatCounter) Timer(name string) client.MetricsTimer {
	return client.MetricsNopHandler.Timer(name)
}

type increment struct{ count *atomic.Int64 }

func (i increment) Inc(delta int64) { i.count.Add(delta) }

var _ client.MetricsHandler = heartbeatCounter{}
