package main

import (
	"sync/atomic"

	"go.temporal.io/sdk/client"
)

// requestCounter is a metrics handler of the SDK that counts some of the requests which a worker sends to the server, and
// drops every other metric.
type requestCounter struct {
	counts    *requestCounts
	operation string // that the metrics with this handler's tags are of
}

// requestCounts are its counts.
type requestCounts struct {
	heartbeats    atomic.Int64 // of activities: they are billable, and no history has them
	workflowTasks atomic.Int64 // completed
}

func newRequestCounter() requestCounter {
	return requestCounter{counts: new(requestCounts)}
}

func (c requestCounter) message() *workerCounts {
	return &workerCounts{Heartbeats: c.counts.heartbeats.Load(), WorkflowTasks: c.counts.workflowTasks.Load()}
}

func (c requestCounter) WithTags(tags map[string]string) client.MetricsHandler {
	if operation, tagged := tags["operation"]; tagged {
		c.operation = operation
	}
	return c
}

func (c requestCounter) Counter(name string) client.MetricsCounter {
	switch {
	case name != "temporal_request":
	case c.operation == "RecordActivityTaskHeartbeat":
		return increment{&c.counts.heartbeats}
	case c.operation == "RespondWorkflowTaskCompleted":
		return increment{&c.counts.workflowTasks}
	}
	return client.MetricsNopHandler.Counter(name)
}

func (c requestCounter) Gauge(name string) client.MetricsGauge {
	return client.MetricsNopHandler.Gauge(name)
}

func (c requestCounter) Timer(name string) client.MetricsTimer {
	return client.MetricsNopHandler.Timer(name)
}

type increment struct{ count *atomic.Int64 }

func (i increment) Inc(delta int64) { i.count.Add(delta) }
