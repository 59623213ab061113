// Command english checks the English of Go comments, of the texts that programs print, and of
// Markdown pages, as far as a program can: comment lines of more than 100 columns, "is no" and "is
// none" as negations, and "where" used for a condition.
//
// It reads file names from standard input, one a line, prints what it finds, and exits 1 if there
// is anything:
//
//	git ls-files '*.go' '*.md' | go run ./tools/english
//
// What is right nevertheless is listed in exceptions.txt.
package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

//go:embed exceptions.txt
var exceptionList string

func main() { os.Exit(run(os.Stdin, os.Stdout, os.Stderr, exceptionList)) }

func run(names io.Reader, stdout, stderr io.Writer, exceptionList string) int {
	listed, err := parseExceptions(exceptionList)
	if err != nil {
		fmt.Fprintln(stderr, "english:", err)
		return 2
	}
	count := 0
	lines := bufio.NewScanner(names)
	for lines.Scan() {
		findings, err := checkFile(lines.Text())
		if err != nil {
			fmt.Fprintln(stderr, "english:", err)
			return 2
		}
		for _, found := range findings {
			if !listed.has(found) {
				fmt.Fprintln(stdout, found)
				count++
			}
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(stderr, "english:", err)
		return 2
	}
	for _, unused := range listed.unused() {
		fmt.Fprintf(stdout, "tools/english/exceptions.txt:%d: nothing is found there any more: remove it\n", unused.line)
		count++
	}
	if count > 0 {
		fmt.Fprintf(stderr, "english: %d findings\n", count)
		return 1
	}
	return 0
}

// finding is something to write differently.
type finding struct {
	file    string
	line    int
	excerpt string
	advice  string
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d: %q: %s", f.file, f.line, f.excerpt, f.advice)
}

func checkFile(name string) ([]finding, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	switch filepath.Ext(name) {
	case ".go":
		return checkGo(name, content)
	case ".md":
		return checkMarkdown(name, string(content)), nil
	}
	return nil, fmt.Errorf("%s: only .go and .md files can be checked", name)
}

// exception is a finding that is right as it is.
type exception struct {
	file, excerpt string
	line          int // of the list
	used          bool
}

type exceptions []*exception

// parseExceptions reads one exception a line: the file, a colon and the excerpt, as findings are
// printed. Empty lines and those that begin with # are skipped.
func parseExceptions(list string) (exceptions, error) {
	var parsed exceptions
	line := 0
	for text := range strings.Lines(list) {
		line++
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		file, excerpt, found := strings.Cut(text, ": ")
		if !found {
			return nil, fmt.Errorf("exceptions.txt:%d: must be a file, a colon and an excerpt", line)
		}
		parsed = append(parsed, &exception{file: file, excerpt: excerpt, line: line})
	}
	return parsed, nil
}

func (e exceptions) has(found finding) bool {
	for _, listed := range e {
		if listed.file == found.file && listed.excerpt == found.excerpt {
			listed.used = true
			return true
		}
	}
	return false
}

func (e exceptions) unused() exceptions {
	var unused exceptions
	for _, listed := range e {
		if !listed.used {
			unused = append(unused, listed)
		}
	}
	return unused
}
