package main

import (
	"errors"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readQueries returns the queries of a dashboard or of a file of rules: what stands under expr, and
// what a variable of a dashboard asks for.
func readQueries(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var document any
	if err := yaml.Unmarshal(content, &document); err != nil { // which reads JSON too
		return nil, err
	}
	queries := queriesOf(document)
	if len(queries) == 0 {
		return nil, errors.New("it has no query")
	}
	return queries, nil
}

func queriesOf(node any) (queries []string) {
	switch node := node.(type) {
	case map[string]any:
		for key, inner := range node {
			text, isText := inner.(string)
			switch {
			case isText && key == "expr":
				queries = append(queries, withoutVariables(text))
			case isText && key == "query" && labelValues.MatchString(text):
				queries = append(queries, withoutVariables(labelValues.ReplaceAllString(text, "count by ($2) ($1)")))
			default:
				queries = append(queries, queriesOf(inner)...)
			}
		}
	case []any:
		for _, inner := range node {
			queries = append(queries, queriesOf(inner)...)
		}
	}
	return queries
}

// labelValues is how a variable of a dashboard asks for the values of a label.
var labelValues = regexp.MustCompile(`^label_values\((.*), *(\w+)\)$`)

// withoutVariables gives Grafana's variables values with which the query can be parsed.
func withoutVariables(query string) string {
	query = strings.NewReplacer("$__rate_interval", "5m", "$__interval", "1m", "$__range", "1h").Replace(query)
	return variable.ReplaceAllString(query, ".*")
}

var variable = regexp.MustCompile(`\$\w+|\$\{\w+\}`)
