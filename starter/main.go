// Command starter waits for the results of 2captcha tasks: it starts a workflow for each task, or attaches to the one
// that waits for it already, and prints one JSON object a task. Run it with --help for its flags, its output and its
// exit statuses, or with --demo to see it all at work without an account.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// net/http writes what a server sends unasked to the standard logger, and that may echo the client key.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}
