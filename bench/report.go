package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/template"
	"time"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/size"
	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
)

// comparison is what the benchmark prints of designs.
type comparison struct {
	Designs  []stage.DesignFigures `json:"designs"`
	Workload struct {
		stage.Workload
		surroundings
	} `json:"workload"`
}

// scaling is what it prints with --scale.
type scaling struct {
	Scale        []stage.HoldFigures `json:"scale"`
	PollInterval float64             `json:"pollIntervalSeconds"`
	surroundings
}

type surroundings struct {
	CPUs    int    `json:"cpus"`
	System  string `json:"system"`
	Address string `json:"temporalAddress,omitempty"` // "": dev servers on this machine
}

func (f flags) surroundings() surroundings {
	return surroundings{runtime.NumCPU(), runtime.GOOS + "/" + runtime.GOARCH, f.Address}
}

// templates are tables, with | between their cells, and what the figures mean. An empty line is
// between any two of these.
//
//go:embed *.tmpl
var templates embed.FS

// write writes a report as JSON or by its template.
func write(to io.Writer, asJSON bool, name string, report any) error {
	if asJSON {
		encoder := json.NewEncoder(to)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(report)
	}
	functions := template.FuncMap{
		"f":        figure,
		"hours":    func(seconds *float64) string { return figure(1, *seconds/3600) + " h" },
		"columns":  size.Columns,
		"in":       scaled,
		"percent":  percent,
		"duration": func(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) },
	}
	parsed := template.Must(template.New(name).Funcs(functions).ParseFS(templates, "*.tmpl"))
	var text strings.Builder
	if err := parsed.ExecuteTemplate(&text, name, report); err != nil {
		return err
	}
	paragraphs := strings.Split(text.String(), "\n\n")
	for i, paragraph := range paragraphs {
		if strings.Contains(paragraph, "|") {
			paragraphs[i] = strings.TrimSuffix(table(paragraph), "\n")
		}
	}
	_, err := io.WriteString(to, strings.Join(paragraphs, "\n\n"))
	return err
}

// figure is a number with so many decimals, or - for one that is not to be had.
func figure(decimals int, value any) string {
	if optional, ok := value.(*float64); ok {
		if optional == nil {
			return "-"
		}
		value = *optional
	}
	return fmt.Sprintf("%.*f", decimals, value)
}

// scaled is a value in a larger unit.
func scaled(unit float64, value *float64) *float64 {
	if value == nil {
		return nil
	}
	return new(*value / unit)
}

// percent is a deviation, with its sign.
func percent(value *float64) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprintf("%+.0f %%", *value)
}

// table lays out its rows in columns: the first to the left, the others to the right.
func table(text string) (laidOut string) {
	var rows [][]string
	widths := map[int]int{}
	for row := range strings.SplitSeq(text, "\n") {
		cells := strings.Split(row, "|")
		rows = append(rows, cells)
		for column, cell := range cells {
			widths[column] = max(widths[column], len(cell))
		}
	}
	widths[0] = -widths[0]
	for _, cells := range rows {
		line := ""
		for column, cell := range cells {
			line += fmt.Sprintf("%*s  ", widths[column], cell)
		}
		laidOut += strings.TrimRight(line, " ") + "\n"
	}
	return laidOut
}
