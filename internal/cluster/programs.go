package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// serverVersion is the version of the Temporal server that tools/cluster pins.
const serverVersion = "1.32.1"

// programs are the paths of what tools/cluster builds.
type programs struct{ server, sqlTool string }

// build builds the programs into the user's cache folder, unless those there are up to date, which
// go knows.
func build(ctx context.Context, messages io.Writer) (programs, error) {
	_, source, _, _ := runtime.Caller(0)
	tools := filepath.Join(filepath.Dir(source), "..", "..", "tools", "cluster")
	if _, err := os.Stat(filepath.Join(tools, "go.mod")); err != nil {
		return programs{}, errors.New("no Temporal server: it is built from tools/cluster of a clone that this program was built in")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return programs{}, fmt.Errorf("no folder to keep the Temporal server in: %w", err)
	}
	folder := filepath.Join(cache, "temporal-2captcha", "temporal-server-"+serverVersion)
	fmt.Fprintf(messages, "building the Temporal server %s, unless it is up to date: 5 minutes and more on 2 cores, on the first run only\n", serverVersion)
	begun := time.Now()
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return programs{}, fmt.Errorf("no Temporal server: it can't be built: %w", err)
	}
	// What the user has set for go is meant for another module, and maybe for another platform.
	environment := process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_", "GOFLAGS=", "GOWORK=", "GOOS=", "GOARCH=")
	err = run(ctx, process.Command{
		Path: goCommand, Arguments: []string{"build", "-mod=readonly", "-buildvcs=false", "-o", folder + string(filepath.Separator), "tool"},
		Folder: tools, Environment: append(environment, "GOWORK=off"),
	})
	if err != nil {
		return programs{}, fmt.Errorf("go build in %s: %w", tools, err)
	}
	fmt.Fprintf(messages, "the Temporal server is built: %s\n", time.Since(begun).Round(time.Second))
	return programs{server: filepath.Join(folder, "server"), sqlTool: filepath.Join(folder, "sql")}, nil
}

// run runs a command to its end, or until ctx ends. An error has the last lines of its output.
func run(ctx context.Context, command process.Command) error {
	var log process.LogTail
	command.Output, command.Errors = &log, &log
	started, err := process.Start(command)
	if err != nil {
		return err
	}
	select {
	case <-started.Ended():
	case <-ctx.Done():
		started.Signal(syscall.SIGKILL)
		if !started.EndsWithin(endTimeout) {
			return fmt.Errorf("%w, but process %d is still there %s after SIGKILL", context.Cause(ctx), started.ID(), endTimeout)
		}
		return log.Explain(context.Cause(ctx))
	}
	if started.Status() != 0 {
		return log.Explain(errors.New(started.Outcome()))
	}
	return nil
}
