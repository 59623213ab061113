// Package process runs programs that never outlive this process: for the dev server, the benchmark
// and the tests.
package process

import (
	"io"
	"os"
	"strings"
	"time"
)

// Command is a program to run.
type Command struct {
	Path        string
	Arguments   []string
	Folder      string   // working directory; "": this process's
	Environment []string // the whole environment, as os.Environ gives it
	// Input is standard input; nil: empty. If the program can end before its input does, it must be a
	// file, such as an end of os.Pipe: of any other reader a copy is made, and the program counts as
	// ended only when that copy ends.
	Input     io.Reader
	Output    io.Writer  // takes standard output; nil: discarded
	Errors    io.Writer  // takes standard error; nil: discarded
	Inherited []*os.File // stay open in the program
}

// OutputPatience is how long the processes that a program has started may hold its output open
// after the program has ended.
const OutputPatience = time.Second

// EnvironmentWithout returns the environment, as os.Environ gives it, without the variables that
// begin with one of the prefixes.
func EnvironmentWithout(environment []string, prefixes ...string) []string {
	var kept []string
	for _, variable := range environment {
		if !hasAnyPrefix(variable, prefixes) {
			kept = append(kept, variable)
		}
	}
	return kept
}

func hasAnyPrefix(text string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
