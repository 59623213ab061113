package main

import (
	"fmt"
	"io"
	"strings"
)

// table is text in columns: the first to the left, the others to the right.
type table struct {
	rows [][]string
}

// add adds a row, which has as many cells as the others.
func (t *table) add(cells ...string) {
	t.rows = append(t.rows, cells)
}

func (t *table) writeTo(to io.Writer) error {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for column, cell := range row {
			widths[column] = max(widths[column], len(cell))
		}
	}
	for _, row := range t.rows {
		line := fmt.Sprintf("%-*s", widths[0], row[0])
		for column, cell := range row[1:] {
			line += fmt.Sprintf("  %*s", widths[column+1], cell)
		}
		if _, err := fmt.Fprintln(to, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}
