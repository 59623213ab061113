package main

import (
	"slices"
	"sync"

	"go.temporal.io/sdk/client"
)

// maxCached is how many things of a kind one handler remembers. Names and labels are few as a rule;
// those of workflow types are anybody's who may start workflows.
const maxCached = 1000

// cachedMetrics remembers what it has been asked for. The SDK and this project ask for the same
// labels and instruments at every task, and the handler that this one wraps makes them anew each
// time.
type cachedMetrics struct {
	client.MetricsHandler
	tagged   cache[client.MetricsHandler]
	counters cache[client.MetricsCounter]
	gauges   cache[client.MetricsGauge]
	timers   cache[client.MetricsTimer]
}

func newCachedMetrics(handler client.MetricsHandler) *cachedMetrics {
	return &cachedMetrics{MetricsHandler: handler}
}

// WithTags implements [client.MetricsHandler].
func (c *cachedMetrics) WithTags(tags map[string]string) client.MetricsHandler {
	var names [8]string
	sorted := names[:0]
	for name := range tags {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	var buffer [256]byte
	key := buffer[:0]
	for _, name := range sorted {
		key = append(append(key, name...), 0)
		key = append(append(key, tags[name]...), 0)
	}
	return c.tagged.get(key, func() client.MetricsHandler { return newCachedMetrics(c.MetricsHandler.WithTags(tags)) })
}

// Counter implements [client.MetricsHandler].
func (c *cachedMetrics) Counter(name string) client.MetricsCounter {
	return c.counters.get([]byte(name), func() client.MetricsCounter { return c.MetricsHandler.Counter(name) })
}

// Gauge implements [client.MetricsHandler].
func (c *cachedMetrics) Gauge(name string) client.MetricsGauge {
	return c.gauges.get([]byte(name), func() client.MetricsGauge { return c.MetricsHandler.Gauge(name) })
}

// Timer implements [client.MetricsHandler].
func (c *cachedMetrics) Timer(name string) client.MetricsTimer {
	return c.timers.get([]byte(name), func() client.MetricsTimer { return c.MetricsHandler.Timer(name) })
}

// Unwrap returns the wrapped handler, as those who look for OpenTelemetry's expect.
func (c *cachedMetrics) Unwrap() client.MetricsHandler { return c.MetricsHandler }

// cache has values by key. The zero value is empty.
type cache[Value any] struct {
	mutex  sync.RWMutex
	values map[string]Value
}

// get returns the key's value, which it makes the first time. A full cache makes it each time.
func (c *cache[Value]) get(key []byte, newValue func() Value) Value {
	c.mutex.RLock()
	value, found := c.values[string(key)]
	c.mutex.RUnlock()
	if found {
		return value
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if value, found := c.values[string(key)]; found {
		return value
	}
	value = newValue()
	if c.values == nil {
		c.values = map[string]Value{}
	}
	if len(c.values) < maxCached {
		c.values[string(key)] = value
	}
	return value
}
