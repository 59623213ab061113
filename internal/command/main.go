// Package command has what this project's commands share: how they begin and end, their exit
// statuses, flags and environment, the connection to the Temporal server, and secrets in files.
package command

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// The exit statuses of every command.
const (
	ExitDone        = 0 // what was asked for is done; a worker: it was stopped by a signal
	ExitFailed      = 1
	ExitUsage       = 2 // bad usage or configuration: nothing was begun
	ExitInterrupted = 130
)

// Invocation is one run of a command: what it was given, and where it writes to.
type Invocation struct {
	Name        string // the command's, with which its messages begin
	Arguments   []string
	Environment Environment
	Input       io.Reader
	Output      io.Writer
	Errors      io.Writer
}

// Main is a whole main function. run returns the exit status. The first SIGINT or SIGTERM cancels
// run's context, a second one ends the process at once.
func Main(name string, run func(context.Context, Invocation) int) {
	// net/http writes what a server sends unasked to the standard logger, and that may echo the
	// client key.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, Invocation{
		Name:        name,
		Arguments:   os.Args[1:],
		Environment: os.Environ(),
		Input:       os.Stdin,
		Output:      os.Stdout,
		Errors:      os.Stderr,
	}))
}

// Say writes one line on standard error, whatever the values' texts are.
func (i Invocation) Say(format string, values ...any) {
	fmt.Fprintf(i.Errors, "%s: %s\n", i.Name, strings.Join(strings.Fields(fmt.Sprintf(format, values...)), " "))
}

// Fail says in one line why the command failed, and returns the exit status that it is given.
func (i Invocation) Fail(status int, err error) int {
	i.Say("%v", err)
	return status
}
