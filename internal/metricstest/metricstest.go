// Package metricstest has a metrics handler for tests, as somebody else's worker may have one.
package metricstest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
)

// Handler remembers this project's metrics, with their own labels and without Temporal's. It is
// safe for concurrent use, also by what it returns.
type Handler struct {
	recorded *recorded
	labels   map[string]string
}

type recorded struct {
	mutex    sync.Mutex
	counters map[string]int64
	timers   map[string][]time.Duration
	names    map[string][]string // of labels, by metric
	problems []string
}

// New returns a handler that has recorded nothing.
func New() *Handler {
	return &Handler{recorded: &recorded{
		counters: map[string]int64{}, timers: map[string][]time.Duration{}, names: map[string][]string{},
	}}
}

// Counters are the counters' values, by name and labels, like `name{a="b",c="d"}` or `name`.
func (h *Handler) Counters() map[string]int64 {
	h.recorded.mutex.Lock()
	defer h.recorded.mutex.Unlock()
	return maps.Clone(h.recorded.counters)
}

// Timers are what the timers recorded, by name and labels as those of counters.
func (h *Handler) Timers() map[string][]time.Duration {
	h.recorded.mutex.Lock()
	defer h.recorded.mutex.Unlock()
	return maps.Clone(h.recorded.timers)
}

// Problems says which metrics were recorded with different labels, or went down.
func (h *Handler) Problems() []string {
	h.recorded.mutex.Lock()
	defer h.recorded.mutex.Unlock()
	return slices.Clone(h.recorded.problems)
}

// WithTags implements [client.MetricsHandler].
func (h *Handler) WithTags(tags map[string]string) client.MetricsHandler {
	labels := maps.Clone(h.labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, tags)
	return &Handler{h.recorded, labels}
}

// Counter implements [client.MetricsHandler].
func (h *Handler) Counter(name string) client.MetricsCounter { return instrument{h, name} }

// Gauge implements [client.MetricsHandler].
func (h *Handler) Gauge(name string) client.MetricsGauge { return instrument{h, name} }

// Timer implements [client.MetricsHandler].
func (h *Handler) Timer(name string) client.MetricsTimer { return instrument{h, name} }

// own are the labels of this project's metrics. Any other is Temporal's.
var own = []string{"method", "outcome"}

type instrument struct {
	of   *Handler
	name string
}

func (i instrument) Inc(delta int64) {
	i.record(func(r *recorded, key string) {
		r.counters[key] += delta
		if delta < 0 {
			r.problems = append(r.problems, fmt.Sprintf("%s was raised by %d", key, delta))
		}
	})
}

func (i instrument) Record(value time.Duration) {
	i.record(func(r *recorded, key string) {
		r.timers[key] = append(r.timers[key], value)
		if value < 0 {
			r.problems = append(r.problems, fmt.Sprintf("%s recorded %s", key, value))
		}
	})
}

func (i instrument) Update(float64) {}

func (i instrument) record(note func(r *recorded, key string)) {
	if !strings.HasPrefix(i.name, "twocaptcha_") {
		return
	}
	r := i.of.recorded
	r.mutex.Lock()
	defer r.mutex.Unlock()
	names := slices.Sorted(maps.Keys(i.of.labels))
	if before, found := r.names[i.name]; found && !slices.Equal(before, names) {
		r.problems = append(r.problems, fmt.Sprintf("%s has the labels %v and %v", i.name, before, names))
	}
	r.names[i.name] = names
	var labels []string
	for _, name := range own {
		if value, found := i.of.labels[name]; found {
			labels = append(labels, fmt.Sprintf("%s=%q", name, value))
		}
	}
	key := i.name
	if len(labels) > 0 {
		key += "{" + strings.Join(labels, ",") + "}"
	}
	note(r, key)
}
