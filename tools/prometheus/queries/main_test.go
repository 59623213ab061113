package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Some of what a worker showed.
const shown = `# TYPE twocaptcha_requests_total counter
twocaptcha_requests_total{client_name="temporal_go",method="getTaskResult",namespace="default",outcome="ok",task_queue="2captcha"} 3
# TYPE temporal_num_pollers gauge
temporal_num_pollers{namespace="default",poller_type="activity_task",task_queue="2captcha"} 8
# TYPE twocaptcha_task_latency_seconds histogram
twocaptcha_task_latency_seconds_bucket{outcome="ready",namespace="default",le="5"} 1
twocaptcha_task_latency_seconds_bucket{outcome="ready",namespace="default",le="+Inf"} 1
twocaptcha_task_latency_seconds_sum{outcome="ready",namespace="default"} 4
twocaptcha_task_latency_seconds_count{outcome="ready",namespace="default"} 1
`

func TestQueries(t *testing.T) {
	for name, test := range map[string]struct{ query, finding string }{
		"right":                           {`sum by (outcome) (rate(twocaptcha_requests_total{method="getTaskResult"}[5m]))`, ""},
		"right, with variables":           {`rate(twocaptcha_requests_total{namespace=~"$namespace"}[$__rate_interval])`, ""},
		"right, of a histogram":           {`histogram_quantile(0.95, sum by (le) (rate(twocaptcha_task_latency_seconds_bucket[5m])))`, ""},
		"right, with a value beyond":      {`twocaptcha_requests_total{outcome=~"ok|http_error"}`, ""},
		"right, of another program":       {`min by (pod) (kube_pod_status_ready{condition="true"})`, ""},
		"what is not PromQL":              {`sum(rate(twocaptcha_requests_total[5m])`, "can't be parsed"},
		"the name that a handler gets":    {`rate(twocaptcha_requests[5m])`, "no metric twocaptcha_requests: it has twocaptcha_requests_total"},
		"the name within another":         {`sum(rate(twocaptcha_requests_total[5m])) / sum(rate(twocaptcha_task_total[5m]))`, "no metric twocaptcha_task_total"},
		"a label that it does not have":   {`twocaptcha_requests_total{activity="getTaskResult"}`, "no label activity"},
		"a value that nothing has":        {`twocaptcha_requests_total{outcome="OK"}`, `no metric has outcome="OK"`},
		"a value of a list":               {`twocaptcha_requests_total{outcome=~"ok|timeout"}`, `no metric has outcome="timeout"`},
		"a value that is excluded":        {`twocaptcha_requests_total{outcome!="okay"}`, `no metric has outcome="okay"`},
		"a label that it is summed by":    {`sum by (pod) (temporal_num_pollers)`, "no label pod to aggregate by"},
		"a histogram without its buckets": {`rate(twocaptcha_task_latency_seconds[5m])`, "no metric twocaptcha_task_latency_seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			scrape := write(t, "scrape", shown)
			rules := write(t, "rules.yaml", "groups: [{rules: [{alert: A, expr: '"+test.query+"'}]}]\n")
			dashboard := write(t, "dashboard.json", `{"panels": [{"targets": [{"expr": "`+strings.ReplaceAll(test.query, `"`, `\"`)+`"}]}]}`)
			for _, file := range []string{rules, dashboard} {
				var stdout, stderr bytes.Buffer
				status := run([]string{"-scrape", scrape, "-value", "outcome=http_error", file}, &stdout, &stderr)
				if (status != 0) != (test.finding != "") || !strings.Contains(stdout.String(), test.finding) {
					t.Errorf("exit status %d, want %q in:\n%s%s", status, test.finding, stdout.String(), stderr.String())
				}
			}
		})
	}
}

func TestVariablesOfADashboard(t *testing.T) {
	scrape := write(t, "scrape", shown)
	for query, status := range map[string]int{
		"label_values(temporal_num_pollers, namespace)":                             0,
		`label_values(temporal_num_pollers{namespace=~\"$namespace\"}, task_queue)`: 0,
		"label_values(temporal_pollers, namespace)":                                 1,
		"label_values(temporal_num_pollers, queue)":                                 1,
	} {
		dashboard := write(t, "dashboard.json", `{"templating": {"list": [{"query": {"query": "`+query+`"}}]}}`)
		var stdout, stderr bytes.Buffer
		if got := run([]string{"-scrape", scrape, dashboard}, &stdout, &stderr); got != status {
			t.Errorf("%s: exit status %d, want %d:\n%s%s", query, got, status, stdout.String(), stderr.String())
		}
	}
}

func TestBadUsage(t *testing.T) {
	scrape, rules := write(t, "scrape", shown), write(t, "rules.yaml", "groups: []\n")
	for name, arguments := range map[string][]string{
		"nothing":                  nil,
		"no scrape":                {rules},
		"no file to check":         {"-scrape", scrape},
		"a scrape with no metrics": {"-scrape", write(t, "empty", ""), rules},
		"a scrape that is a page":  {"-scrape", write(t, "page", "<html></html>\n"), rules},
		"a file without queries":   {"-scrape", scrape, rules},
		"a value without a label":  {"-scrape", scrape, "-value", "ok", rules},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(arguments, &stdout, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%s: exit status %d: %s%s", name, status, stdout.String(), stderr.String())
		}
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
