// Command cli prints the path of the Temporal CLI that the tests run. On the first run it downloads
// that CLI, in seconds, or builds it, in minutes. TEMPORAL_CLI names another CLI, and
// TEMPORAL_CLI_DOWNLOAD=off skips the download.
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
	path, err := devserver.CLI(ctx, devserver.Options{
		CLI:         os.Getenv("TEMPORAL_CLI"),
		CLIDownload: os.Getenv("TEMPORAL_CLI_DOWNLOAD"),
		Messages:    os.Stderr,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}
