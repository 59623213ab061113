// Command bench measures ways to wait for the results of 2captcha tasks, side by side: this project's, those of Temporal's
// polling guide, and a plain loop. With --scale it holds many waits in flight. Run it with --help for its flags.
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
	log.SetOutput(io.Discard) // net/http's own lines about connections
	if isWorker(os.Args) {
		os.Exit(mainOfWorker())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// isWorker tells whether a command line is that of a worker process.
func isWorker(commandLine []string) bool {
	return len(commandLine) > 1 && commandLine[1] == workerRole
}

// mainOfWorker is main in a worker process.
func mainOfWorker() int {
	return runWorker(os.Args[2:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
}
