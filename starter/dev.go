package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// runDev waits for the tasks on a dev server of its own, whose database is kept for the next time, with a worker in
// this process that asks the real service.
func runDev(ctx context.Context, flags flags, environ command.Environment, waiter *waiter, taskIDs []int64, stderr io.Writer) int {
	plugin, err := command.Plugin(environ, flags.APIURL)
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	database, err := devDatabase()
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	messages := sayer{waiter.progress}
	local, err := startLocal(ctx, devserver.Options{
		CLI:         environ.Getenv("TEMPORAL_CLI"),
		CLIDownload: environ.Getenv("TEMPORAL_CLI_DOWNLOAD"),
		SearchPath:  true,
		Messages:    messages,
		Database:    database,
	}, plugin, devLogger(flags, messages), waiter)
	if ctx.Err() != nil {
		return fail(stderr, exitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	summary, err := local.run(ctx, waiter, taskIDs)
	again := resumption{
		command: "starter --dev" + taskQueueFlag(waiter.taskQueue),
		goesOn:  "the next --dev takes them up",
	}
	if flags.APIURL != twocaptcha.DefaultURL {
		again.command += " --api-url " + flags.APIURL
	}
	return finish(ctx, summary, err, again, stderr)
}

// devDatabase is the file in which the dev server keeps its workflows.
func devDatabase() (string, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder to keep the dev server's database in: %w", err)
	}
	return filepath.Join(folder, "temporal-2captcha", "dev.db"), nil
}

func devLogger(flags flags, to io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(flags.LogLevel)); err != nil { // off
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level}))
}
