package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"github.com/temporal-providers/temporal-2captcha/internal/metricstest"
)

// scrape is what /metrics answers.
func scrape(shown http.Handler) string {
	recorder := httptest.NewRecorder()
	shown.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}

func TestMetricsAreShownToPrometheus(t *testing.T) {
	t.Parallel()
	handler, shown, err := newMetrics(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Empty(t, scrape(shown), "a metric appears when it is recorded")
	tagged := handler.WithTags(map[string]string{"task_queue": "2captcha"}).WithTags(map[string]string{"outcome": "ready"})
	tagged.Counter("twocaptcha_tasks").Inc(2)
	tagged.Timer("twocaptcha_task_latency").Record(70 * time.Second)
	handler.Gauge("temporal_num_pollers").Update(3)
	text := scrape(shown)
	for _, line := range []string{
		`twocaptcha_tasks_total{outcome="ready",task_queue="2captcha"} 2`,
		`# TYPE twocaptcha_tasks_total counter`,
		`twocaptcha_task_latency_seconds_bucket{outcome="ready",task_queue="2captcha",le="0.005"} 0`,
		`twocaptcha_task_latency_seconds_bucket{outcome="ready",task_queue="2captcha",le="60"} 0`,
		`twocaptcha_task_latency_seconds_bucket{outcome="ready",task_queue="2captcha",le="120"} 1`,
		`twocaptcha_task_latency_seconds_bucket{outcome="ready",task_queue="2captcha",le="900"} 1`,
		`twocaptcha_task_latency_seconds_sum{outcome="ready",task_queue="2captcha"} 70`,
		`temporal_num_pollers 3`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.NotContains(t, text, "otel_")
	require.NotContains(t, text, "target_info")
}

// A name that OpenTelemetry doesn't take must not end a worker.
func TestMetricThatCantBeMadeIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	log := &logLines{}
	handler, shown, err := newMetrics(slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	for i := range 3 {
		handler.Counter(fmt.Sprintf("%d is not a name", i)).Inc(1)
		handler.Timer("").Record(time.Second)
	}
	handler.Counter("good").Inc(1)
	require.Contains(t, scrape(shown), "good_total 1\n")
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
}

func TestCachedMetricsCountLikeThoseThatTheyCache(t *testing.T) {
	t.Parallel()
	plain := metricstest.New()
	cached := newCachedMetrics(plain)
	var counting sync.WaitGroup
	for range 8 {
		counting.Go(func() {
			for range 100 {
				for _, tags := range []map[string]string{
					{"outcome": "ok", "method": "getTaskResult"}, {"method": "getTaskResult", "outcome": "ok"},
					{"outcome": "ok", "method": ""}, {"method": "ok", "outcome": ""},
				} {
					cached.WithTags(tags).Counter("twocaptcha_requests").Inc(1)
				}
				cached.WithTags(map[string]string{"method": "a"}).WithTags(map[string]string{"method": "b"}).
					Timer("twocaptcha_request_latency").Record(time.Second)
			}
		})
	}
	counting.Wait()
	require.Equal(t, map[string]int64{
		`twocaptcha_requests{method="getTaskResult",outcome="ok"}`: 1600,
		`twocaptcha_requests{method="",outcome="ok"}`:              800,
		`twocaptcha_requests{method="ok",outcome=""}`:              800,
	}, plain.Counters())
	require.Len(t, plain.Timers()[`twocaptcha_request_latency{method="b"}`], 800, "the later label counts")
	require.Same(t, cached.WithTags(map[string]string{"a": "1"}), cached.WithTags(map[string]string{"a": "1"}))
	require.Equal(t, client.MetricsHandler(plain), cached.Unwrap())
}

// Whoever may start workflows gives their types any name.
func TestCacheOfMetricsIsBounded(t *testing.T) {
	t.Parallel()
	plain := metricstest.New()
	cached := newCachedMetrics(plain)
	for i := range 3 * maxCached {
		cached.WithTags(map[string]string{"outcome": fmt.Sprint(i)}).Counter("twocaptcha_tasks").Inc(1)
	}
	require.Len(t, plain.Counters(), 3*maxCached)
	require.Len(t, cached.tagged.values, maxCached)
}

// BenchmarkMetricsOfARequest records what the SDK and the activity have of one request.
func BenchmarkMetricsOfARequest(b *testing.B) {
	cached, _, err := newMetrics(slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	plain := opentelemetry.ExtractMetricsHandler(cached)
	for name, handler := range map[string]client.MetricsHandler{"off": client.MetricsNopHandler, "plain": *plain, "cached": cached} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ofTask := handler.WithTags(map[string]string{
					"namespace": "default", "task_queue": "2captcha", "workflow_type": "AwaitTaskResult", "activity_type": "getTaskResult",
				})
				ofTask.WithTags(map[string]string{"method": "getTaskResult", "outcome": "ok"}).Counter("twocaptcha_requests").Inc(1)
				ofTask.WithTags(map[string]string{"method": "getTaskResult"}).Timer("twocaptcha_request_latency").Record(time.Second)
			}
		})
	}
}
