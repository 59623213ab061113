package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// clientKey is the key that the workers of these tests ask with. No history, log, error or query answer may hold it.
const clientKey = "e2e0c1ientkey0f0e2e0c1ientkey0f0"

// callbackSecret is what these tests make callback addresses with. It is as secret as the key.
const callbackSecret = "e2e0ca11backsecret0f0e2e0secret0"

// patience is how long a test waits for what should come within seconds. The machine may be busy with many tests.
const patience = 2 * time.Minute

// cacheSizeVariable names the variable that sets how many workflows the workers of these tests keep in memory between
// their tasks. With 0 every workflow task is a replay.
const cacheSizeVariable = "E2E_WORKFLOW_CACHE_SIZE"

// fixture is what all tests of the package share: it is made once by TestMain.
var fixture struct {
	temporal *devserver.Server
	cli      string // the Temporal CLI
	worker   string // the built worker
	starter  string // the built starter

	// floods is held by a test while it sends as much as the server takes. Two of them would leave it no time for the others.
	floods sync.Mutex
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	// These tests wait for timers of 5 seconds and more rather than compute, so that many run side by side on few cores. More
	// than these keep 2 slow cores so busy with starting processes that timers of 5 seconds are seen far too late.
	if err := flag.Set("test.parallel", "12"); err != nil {
		return failed(err)
	}
	if err := setCacheSize(); err != nil {
		return failed(err)
	}
	folder, err := os.MkdirTemp("", "temporal-2captcha-e2e-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(folder)
	if err := buildCommands(folder); err != nil {
		return failed(err)
	}
	ctx := context.Background()
	options := devserver.Options{
		CLI: os.Getenv("TEMPORAL_CLI"), CLIDownload: os.Getenv("TEMPORAL_CLI_DOWNLOAD"), Messages: os.Stderr,
	}
	if fixture.cli, err = devserver.CLI(ctx, options); err != nil {
		return failed(err)
	}
	if fixture.temporal, err = devserver.Start(ctx, options); err != nil {
		return failed(err)
	}
	defer fixture.temporal.Stop()
	status := m.Run()
	if err := checkEveryHistory(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "what the end-to-end tests left on the dev server:", err)
		return 1
	}
	return status
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "the end-to-end tests can't be set up:", err)
	return 1
}

// setCacheSize has the workers in this process keep as many workflows in memory as those in processes of their own.
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

func buildCommands(folder string) error {
	fixture.worker, fixture.starter = filepath.Join(folder, "worker"), filepath.Join(folder, "starter")
	for path, source := range map[string]string{fixture.worker: "../../worker", fixture.starter: "../../starter"} {
		arguments := []string{"build", "-o", path}
		if raceDetector {
			arguments = append(arguments, "-race")
		}
		output, err := exec.Command("go", append(arguments, source)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("go build %s: %w\n%s", source, err, output)
		}
	}
	return nil
}

var lastTaskID atomic.Int64

// newTaskID returns a task id that no other test uses: a task's workflow id is unique in the namespace.
func newTaskID() int64 {
	return 74372000000 + lastTaskID.Add(1)
}

// newTaskQueue returns a task queue of the test's own, so that its worker alone serves it.
func newTaskQueue() string {
	return fmt.Sprintf("e2e-%d", lastTaskID.Add(1))
}

// newTaskIDs returns the first of a million task ids that no other test uses.
func newTaskIDs() int64 {
	return 75000000000 + lastTaskID.Add(1)*1_000_000
}

// startSimulator starts a simulated service that ends with the test.
func startSimulator(t *testing.T) *simulator.Server {
	t.Helper()
	return startSimulatorWith(t, simulator.Options{})
}

// startSimulatorWith is startSimulator with options, less the key and the ids of the tasks that it makes.
func startSimulatorWith(t *testing.T, options simulator.Options) *simulator.Server {
	t.Helper()
	options.ClientKey, options.FirstTaskID = clientKey, newTaskIDs()
	service, err := simulator.Start(options)
	require.NoError(t, err)
	t.Cleanup(service.Close)
	return service
}

// startWorker starts a worker process for the queue, asking the service at apiURL, and returns once it polls. It is stopped
// when the test ends. arguments are added to its command line.
func startWorker(t *testing.T, taskQueue, apiURL string, arguments ...string) *process {
	t.Helper()
	return startWorkerIn(t, []string{"TWOCAPTCHA_API_KEY=" + clientKey}, taskQueue, apiURL, arguments...)
}

// startWorkerIn is startWorker with these variables in place of that with the key.
func startWorkerIn(t *testing.T, environment []string, taskQueue, apiURL string, arguments ...string) *process {
	t.Helper()
	arguments = append([]string{"--task-queue", taskQueue, "--api-url", apiURL}, arguments...)
	if size := os.Getenv(cacheSizeVariable); size != "" {
		arguments = append(arguments, "--workflow-cache-size", size)
	}
	worker := startProcess(t, command{
		path: fixture.worker, arguments: arguments,
		environment: append([]string{"TEMPORAL_ADDRESS=" + fixture.temporal.Address()}, environment...),
	})
	worker.waitForOutput(t, "worker started")
	return worker
}

// runStarter runs the starter for the queue to its end.
func runStarter(t *testing.T, taskQueue string, arguments ...string) finished {
	t.Helper()
	return startStarter(t, taskQueue, arguments...).wait(t)
}

func startStarter(t *testing.T, taskQueue string, arguments ...string) *process {
	t.Helper()
	return startProcess(t, command{
		path: fixture.starter, arguments: append([]string{"--task-queue", taskQueue}, arguments...),
		environment: []string{"TEMPORAL_ADDRESS=" + fixture.temporal.Address()},
	})
}

// runCLI runs the Temporal CLI against the dev server to its end, once more where that was busy.
func runCLI(t *testing.T, arguments ...string) finished {
	t.Helper()
	return unlessBusy(func() finished {
		return startProcess(t, command{
			path: fixture.cli, arguments: append(slices.Clone(arguments), "--address", fixture.temporal.Address()),
		}).wait(t)
	})
}

// unlessBusy runs the Temporal CLI again for as long as its workflow is busy, or its query is not answered. The CLI marks its calls as
// an operator's, which the server lets wait half a second for the workflow's lock (history.cacheNonUserContextLockTimeout) and
// then refuses with nothing done, and it sends its queries and signals once.
func unlessBusy(run func() finished) finished {
	giveUp := time.Now().Add(patience)
	for {
		done := run()
		busy := strings.Contains(done.stderr, "Workflow is busy") || strings.Contains(done.stderr, "querying workflow failed")
		if done.status == 0 || !busy || time.Now().After(giveUp) {
			return done
		}
	}
}

// dial returns a client of the dev server that is closed when the test ends.
func dial(t *testing.T) client.Client {
	t.Helper()
	temporal, err := client.Dial(client.Options{HostPort: fixture.temporal.Address(), Logger: quietLogger{}})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	return temporal
}

// testContext ends before the test's patience does anywhere else.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// quietLogger keeps the SDK's log lines out of the tests' output.
type quietLogger struct{}

func (quietLogger) Debug(string, ...any) {}
func (quietLogger) Info(string, ...any)  {}
func (quietLogger) Warn(string, ...any)  {}
func (quietLogger) Error(string, ...any) {}

var _ log.Logger = quietLogger{}
