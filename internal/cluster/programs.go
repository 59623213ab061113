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
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// ServerVersion is the version of the Temporal server that tools/cluster pins.
const ServerVersion = "1.32.1"

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
	folder := filepath.Join(cache, "temporal-2captcha", "temporal-server-"+ServerVersion)
	fmt.Fprintf(messages, "building the Temporal server %s, unless it is up to date: 5 minutes and more on 2 cores, on the first run only\n", ServerVersion)
	begun := time.Now()
	command := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-buildvcs=false", "-o", folder+string(filepath.Separator), "tool")
	command.Dir, command.WaitDelay = tools, process.OutputPatience
	command.Env = append(process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_", "GOFLAGS=", "GOWORK="), "GOWORK=off")
	if output, err := command.CombinedOutput(); err != nil {
		return programs{}, fmt.Errorf("go build in %s: %w\n%s", tools, err, output)
	}
	fmt.Fprintf(messages, "the Temporal server is built: %s\n", time.Since(begun).Round(time.Second))
	return programs{server: filepath.Join(folder, "server"), sqlTool: filepath.Join(folder, "sql")}, nil
}
