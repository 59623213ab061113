// Command cli prints the path of the Temporal CLI that the tests run, built first where it has to be: minutes, on the
// first run only. TEMPORAL_CLI names another one.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	path, err := devserver.CLI(ctx, devserver.Options{CLI: os.Getenv("TEMPORAL_CLI"), Messages: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}
