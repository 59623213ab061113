package harness

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/cluster"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/schemacheck"
)

// Patience is how long a test waits for what should come within seconds. The machine may be busy
// with many tests.
const Patience = 4 * time.Minute

const (
	workerName  = "worker"
	starterName = "starter"
	modulePath  = "github.com/temporal-providers/temporal-2captcha"

	// cacheSizeVariable names the variable that sets how many workflows the workers of these tests
	// keep in memory between their workflow tasks.
	cacheSizeVariable = "E2E_WORKFLOW_CACHE_SIZE"
)

// fixture is what all tests of a package share. Main sets it before the first test begins.
var fixture struct {
	server   sharedServer
	cli      string // the Temporal CLI
	commands string // the folder of the built commands
	schemas  *schemacheck.Schemas

	// floods is held while a test sends as much as the server takes. Two such tests at once would
	// leave the server no time for the others.
	floods sync.Mutex
}

// sharedServer is the Temporal server that all tests of a package share.
type sharedServer interface {
	Address() string
	Stop() error
}

// Main runs the tests of a package that share a server, which is a cluster with -e2e.cluster. Then
// it checks every history that they left on it. TestMain exits with the status that it returns.
func Main(m *testing.M) int {
	onCluster := flag.Bool("e2e.cluster", false, "share a Temporal server of several processes on PostgreSQL instead of a dev server")
	return runWith([]string{workerName, starterName}, func() (status int, err error) {
		ctx := context.Background()
		if *onCluster {
			fixture.server, err = cluster.Start(ctx, cluster.Options{
				Messages:      os.Stderr,
				DynamicConfig: []string{"callback.maxPerExecution=32"}, // as the dev server; the default is 2000
			})
		} else {
			fixture.server, err = devserver.Start(ctx, devserver.Options{CLI: fixture.cli})
		}
		if err != nil {
			return 0, err
		}
		defer fixture.server.Stop()
		status = m.Run()
		if err := checkEveryHistory(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "what the end-to-end tests left on the Temporal server:", err)
			return 1, nil
		}
		return status, nil
	})
}

// MainWithoutServer runs the tests of a package that need the worker alone: each of them starts a
// Temporal server of its own.
func MainWithoutServer(m *testing.M) int {
	return runWith([]string{workerName}, func() (status int, err error) { return m.Run(), nil })
}

// CLI is the path of the Temporal CLI.
func CLI() string { return fixture.cli }

// WorkerPath is the path of the built worker.
func WorkerPath() string { return filepath.Join(fixture.commands, workerName) }

// StarterPath is the path of the built starter.
func StarterPath() string { return filepath.Join(fixture.commands, starterName) }

// Address is the host and port of the Temporal server that the tests share.
func Address() string { return fixture.server.Address() }

// runWith runs a package's tests with these commands built, while no other package's end-to-end
// tests run. It returns the status to exit with.
func runWith(commands []string, runTests func() (status int, err error)) int {
	status, err := func() (int, error) {
		flag.Parse()
		// These tests wait for timers of 5 seconds and more rather than compute, so that many run
		// side by side on few cores. More than these keep 2 slow cores so busy with starting
		// processes that timers of 5 seconds are seen far too late.
		if err := flag.Set("test.parallel", "12"); err != nil {
			return 0, err
		}
		if err := setCacheSize(); err != nil {
			return 0, err
		}
		var err error
		if fixture.schemas, err = schemacheck.Load(); err != nil {
			return 0, err
		}
		endTurn, err := takeTurn()
		if err != nil {
			return 0, err
		}
		defer endTurn()
		if fixture.commands, err = os.MkdirTemp("", "temporal-2captcha-e2e-"); err != nil {
			return 0, err
		}
		defer os.RemoveAll(fixture.commands)
		if err := build(commands); err != nil {
			return 0, err
		}
		options := devserver.Options{
			CLI: os.Getenv("TEMPORAL_CLI"), CLIDownload: os.Getenv("TEMPORAL_CLI_DOWNLOAD"), Messages: os.Stderr,
		}
		if fixture.cli, err = devserver.CLI(context.Background(), options); err != nil {
			return 0, err
		}
		return runTests()
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the end-to-end tests can't be set up:", err)
		return 1
	}
	return status
}

// setCacheSize has the workers in this process keep as many workflows in memory as those in
// processes of their own.
func setCacheSize() error {
	size := os.Getenv(cacheSizeVariable)
	if size == "" {
		return nil
	}
	workflows, err := strconv.Atoi(size)
	if err != nil {
		return fmt.Errorf("%s takes a number of workflows: %w", cacheSizeVariable, err)
	}
	worker.SetStickyWorkflowCacheSize(workflows)
	return nil
}

func build(commands []string) error {
	for _, name := range commands {
		arguments := []string{"build", "-o", filepath.Join(fixture.commands, name)}
		if raceDetector {
			arguments = append(arguments, "-race")
		}
		output, err := exec.Command("go", append(arguments, modulePath+"/"+name)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("go build %s: %w\n%s", name, err, output)
		}
	}
	return nil
}
