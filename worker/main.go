// Command worker is the ready-made worker process: it runs the workflows that wait for 2captcha tasks' results and the
// activities that ask the service for them, so it is the one process that holds the account's key. Run it with --help
// for its flags, its environment and its exit statuses.
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
	context.AfterFunc(ctx, stop) // the first signal drains, a second one ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
