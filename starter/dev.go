package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"go.temporal.io/sdk/log"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/progress"
)

// runOnDevServer runs on a dev server, whose database is kept for the next time, with a worker in
// this process that asks the real service.
func (r request) runOnDevServer(ctx context.Context, invocation command.Invocation, f serverFlags) int {
	config := provider.ConfigFromEnvironment(invocation.Environment.Getenv)
	config.APIURL = f.APIURL
	plugin, err := command.Plugin(config)
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	database, err := devDatabase()
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	shown := r.progress(invocation)
	options := devserver.Options{
		CLI:         invocation.Environment.Getenv("TEMPORAL_CLI"),
		CLIDownload: invocation.Environment.Getenv("TEMPORAL_CLI_DOWNLOAD"),
		Database:    database,
	}
	l, err := startLocal(ctx, options, f.TaskQueue, plugin, devLogger(f.LogLevel, progress.Writer(shown)), shown)
	if ctx.Err() != nil {
		return invocation.Fail(command.ExitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return invocation.Fail(command.ExitFailed, explainSecondDev(err, invocation.Arguments))
	}
	summary, err := l.await(ctx, r, f.TaskQueue, shown, shown)
	r.again.goesOn = "the next --dev continues them"
	return finish(ctx, invocation, summary, err, r.again)
}

// explainSecondDev returns a better error if another --dev has the database: its server and its
// worker serve any number of commands.
func explainSecondDev(err error, arguments []string) error {
	var inUse *devserver.DatabaseInUseError
	if !errors.As(err, &inUse) || inUse.Address == "" {
		return err
	}
	return fmt.Errorf("another --dev runs already, with a Temporal server at %s: to use that one while it runs, run: "+
		"TEMPORAL_ADDRESS=%s go run ./starter %s", inUse.Address, inUse.Address, strings.Join(withoutDevFlags(arguments), " "))
}

// withoutDevFlags returns the arguments less --dev and the flags that go with it alone, as a shell
// takes them. A task can hold secrets: TASK stands for it.
func withoutDevFlags(arguments []string) []string {
	var kept []string
	for i := 0; i < len(arguments); i++ {
		switch name, _, withValue := strings.Cut(arguments[i], "="); {
		case strings.HasPrefix(strings.TrimSpace(arguments[i]), "{"):
			kept = append(kept, "TASK")
		case name == "--dev":
		case name == "--api-url", name == "--log-level":
			if !withValue {
				i++ // its value
			}
		default:
			kept = append(kept, command.ShellWord(arguments[i]))
		}
	}
	return kept
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
	return log.NewStructuredLogger(command.NewLogger(to, "text", minimum))
}
