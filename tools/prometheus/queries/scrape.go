package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql/parser"
)

// elsewhere are the metrics that do not come from a worker, with their labels.
var elsewhere = map[string][]string{
	"up":                    {"job", "instance", "namespace", "pod"},
	"kube_pod_status_ready": {"namespace", "pod", "condition"}, // kube-state-metrics
}

// scrape is what a worker shows of its metrics.
type scrape struct {
	labels map[string]map[string]bool // of each metric
	values map[string]map[string]bool // of each label, whatever the metric
}

// parseScrape takes an answer of /metrics, and values of labels beyond those that are in it.
func parseScrape(exposition []byte, values map[string][]string) (scrape, error) {
	s := scrape{map[string]map[string]bool{}, map[string]map[string]bool{}}
	series := textparse.NewPromParser(exposition, labels.NewSymbolTable(), false)
	for {
		entry, err := series.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return scrape{}, err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var one labels.Labels
		series.Labels(&one)
		metric := one.Get(labels.MetricName)
		add(s.labels, metric, labels.MetricName)
		one.Range(func(label labels.Label) {
			add(s.labels, metric, label.Name)
			add(s.values, label.Name, label.Value)
		})
	}
	if len(s.labels) == 0 {
		return scrape{}, errors.New("it has no metrics")
	}
	for label, all := range values {
		for _, value := range all {
			add(s.values, label, value)
		}
	}
	for metric, names := range elsewhere {
		for _, name := range append(names, labels.MetricName) {
			add(s.labels, metric, name)
		}
	}
	return s, nil
}

func add(sets map[string]map[string]bool, key, value string) {
	if sets[key] == nil {
		sets[key] = map[string]bool{}
	}
	sets[key][value] = true
}

// problems are what the query has that the worker does not show.
func (s scrape) problems(query string) (found []string) {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return []string{"it can't be parsed: " + err.Error()}
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			found = append(found, s.problemsOfSelector(node)...)
		case *parser.AggregateExpr:
			for _, label := range node.Grouping {
				found = append(found, s.problemsOfGrouping(node, label)...)
			}
		}
		return nil
	})
	return found
}

func (s scrape) problemsOfSelector(selector *parser.VectorSelector) (found []string) {
	known, shown := s.labels[selector.Name]
	if !shown {
		return []string{fmt.Sprintf("the worker has no metric %s%s", selector.Name, s.similar(selector.Name))}
	}
	_, foreign := elsewhere[selector.Name]
	for _, matcher := range selector.LabelMatchers {
		if !known[matcher.Name] {
			found = append(found, fmt.Sprintf("%s has no label %s: it has %s", selector.Name, matcher.Name, sorted(known)))
			continue
		}
		if foreign || matcher.Name == labels.MetricName {
			continue
		}
		for _, value := range valuesOf(matcher) {
			if !s.values[matcher.Name][value] {
				found = append(found, fmt.Sprintf("no metric has %s=%q", matcher.Name, value))
			}
		}
	}
	return found
}

// problemsOfGrouping are those of a label that the aggregation's metrics do not have.
func (s scrape) problemsOfGrouping(aggregation *parser.AggregateExpr, label string) (found []string) {
	parser.Inspect(aggregation.Expr, func(node parser.Node, _ []parser.Node) error {
		selector, isSelector := node.(*parser.VectorSelector)
		if !isSelector {
			return nil
		}
		if known, shown := s.labels[selector.Name]; shown && !known[label] {
			found = append(found, fmt.Sprintf("%s has no label %s to aggregate by: it has %s", selector.Name, label, sorted(known)))
		}
		return nil
	})
	return found
}

// valuesOf are the values that a matcher names. A pattern that is more than a list names none.
func valuesOf(matcher *labels.Matcher) []string {
	switch matcher.Type {
	case labels.MatchEqual, labels.MatchNotEqual:
		return []string{matcher.Value}
	default:
		if strings.ContainsAny(matcher.Value, `.*+?()[]{}\^$`) {
			return nil
		}
		return strings.Split(matcher.Value, "|")
	}
}

// similar names the metrics that differ from a name by its end alone.
func (s scrape) similar(name string) string {
	var names []string
	for metric := range s.labels {
		if strings.HasPrefix(metric, name) || strings.HasPrefix(name, metric) && metric != "" {
			names = append(names, metric)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return ": it has " + strings.Join(names, ", ")
}

func sorted(set map[string]bool) string {
	var text bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if name != labels.MetricName {
			fmt.Fprintf(&text, " %s", name)
		}
	}
	return strings.TrimSpace(text.String())
}
