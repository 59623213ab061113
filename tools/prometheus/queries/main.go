// Command queries finds the metrics, labels and values of dashboards and alerts that a worker does
// not have:
//
//	go run -C tools/prometheus ./queries -scrape FILE DASHBOARD.json RULES.yaml...
//
// FILE is what a worker's /metrics answered. A counter is there only once it was incremented, so
// the worker must have done all that the queries are about. -value outcome=NoAnswer, as often as
// needed, adds values of a label that this worker has not met.
//
// It parses each query, prints what is not there, and exits 1 if there is anything.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("queries", flag.ContinueOnError)
	flags.SetOutput(stderr)
	scrapeFile := flags.String("scrape", "", "`file` with what a worker's /metrics answered")
	values := map[string][]string{}
	flags.Func("value", "`label=value` that a worker can have", func(pair string) error {
		label, value, found := strings.Cut(pair, "=")
		if !found {
			return errors.New("it takes LABEL=VALUE")
		}
		values[label] = append(values[label], value)
		return nil
	})
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	if *scrapeFile == "" || flags.NArg() == 0 {
		fmt.Fprintln(stderr, "queries: give -scrape, and the dashboards and rules to check")
		return 2
	}
	exposition, err := os.ReadFile(*scrapeFile)
	if err != nil {
		fmt.Fprintln(stderr, "queries:", err)
		return 2
	}
	s, err := parseScrape(exposition, values)
	if err != nil {
		fmt.Fprintf(stderr, "queries: %s: %v\n", *scrapeFile, err)
		return 2
	}
	status := 0
	for _, file := range flags.Args() {
		queries, err := readQueries(file)
		if err != nil {
			fmt.Fprintf(stderr, "queries: %s: %v\n", file, err)
			return 2
		}
		for _, query := range queries {
			for _, problem := range s.problems(query) {
				fmt.Fprintf(stdout, "%s: %s\n\t%s\n", file, problem, strings.Join(strings.Fields(query), " "))
				status = 1
			}
		}
		fmt.Fprintf(stdout, "%s: %d queries\n", file, len(queries))
	}
	return status
}
