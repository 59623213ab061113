package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"go.temporal.io/sdk/log"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/progress"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// awaitWithDevServer waits on a dev server, whose database is kept for the next time, with a worker
// in this process that asks the real service.
func awaitWithDevServer(ctx context.Context, invocation command.Invocation, r request, a *awaitCommand) int {
	plugin, err := command.Plugin(invocation.Environment, a.APIURL)
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	database, err := devDatabase()
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	shown := progress.New(r.taskIDs, invocation)
	options := devserver.Options{
		CLI:         invocation.Environment.Getenv("TEMPORAL_CLI"),
		CLIDownload: invocation.Environment.Getenv("TEMPORAL_CLI_DOWNLOAD"),
		Database:    database,
	}
	l, err := startLocal(ctx, options, r.taskQueue, plugin, devLogger(a.LogLevel, progress.Writer(shown)), shown)
	if ctx.Err() != nil {
		return invocation.Fail(command.ExitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	summary, err := l.await(ctx, r, shown, shown)
	again := resumption{
		command: "starter --dev" + taskQueueFlag(r.taskQueue),
		goesOn:  "the next --dev continues them",
	}
	if a.APIURL != twocaptcha.DefaultURL {
		again.command += " --api-url " + a.APIURL
	}
	return finish(ctx, invocation, summary, err, again)
}

// devDatabase is the file in which the dev server keeps its workflows.
func devDatabase() (string, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the dev server's database has no folder: %w", err)
	}
	return filepath.Join(folder, "temporal-2captcha", "dev.db"), nil
}

func devLogger(level string, to io.Writer) log.Logger {
	var minimum slog.Level
	if err := minimum.UnmarshalText([]byte(level)); err != nil { // off
		return quiet
	}
	return log.NewStructuredLogger(slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: minimum})))
}
