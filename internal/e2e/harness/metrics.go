package harness

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// ServeMetrics is a variable for a worker: it serves metrics at an address of its own choice, which
// MetricsAddress tells.
const ServeMetrics = "TWOCAPTCHA_METRICS_ADDRESS=127.0.0.1:0"

var metricsAddress = regexp.MustCompile(`health is served.* address=(\S+)`)

// MetricsAddress is the host and port at which a worker with ServeMetrics serves metrics and
// probes.
func MetricsAddress(t *testing.T, worker *Process) string {
	t.Helper()
	worker.WaitForOutput(t, "health is served")
	found := metricsAddress.FindStringSubmatch(worker.Stderr())
	require.Len(t, found, 2, worker.Stderr())
	return found[1]
}

// Metrics are what a worker exposes, by the metric's name as Prometheus has it.
type Metrics map[string]*dto.MetricFamily

// Scrape reads a worker's metrics as Prometheus does.
func Scrape(t *testing.T, address string) Metrics {
	t.Helper()
	answer, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
	require.NoError(t, err)
	return families
}

// Sum adds a counter's series, or those with this label, like "outcome=ready". It counts what a
// histogram has observed.
func (m Metrics) Sum(name string, label string) (sum float64) {
	for _, series := range m[name].GetMetric() {
		if label != "" && !slices.ContainsFunc(series.GetLabel(), func(pair *dto.LabelPair) bool {
			return pair.GetName()+"="+pair.GetValue() == label
		}) {
			continue
		}
		sum += series.GetCounter().GetValue() + float64(series.GetHistogram().GetSampleCount())
	}
	return sum
}
