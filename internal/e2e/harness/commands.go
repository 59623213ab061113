package harness

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// WithoutDeadlockDetection is a variable for a worker that will be frozen: without it the SDK would
// take a workflow whose code was stopped midway for one that hangs. It changes nothing else.
const WithoutDeadlockDetection = "TEMPORAL_DEBUG=1"

// WorkerStarted is what a worker writes once it serves its task queue.
const WorkerStarted = "worker started"

// StartWorker starts a worker process that serves the task queue and asks the service at apiURL,
// and returns once it does. The worker is stopped when the test ends. arguments are added to its
// command line.
func StartWorker(t *testing.T, taskQueue, apiURL string, arguments ...string) *Process {
	t.Helper()
	return StartWorkerWith(t, []string{"TWOCAPTCHA_API_KEY=" + ClientKey}, taskQueue, apiURL, arguments...)
}

// StartWorkerWith is StartWorker with these variables instead of the one that holds the key.
func StartWorkerWith(t *testing.T, environment []string, taskQueue, apiURL string, arguments ...string) *Process {
	t.Helper()
	environment = append([]string{"TEMPORAL_ADDRESS=" + Address()}, environment...)
	return startWorker(t, WorkerCommand(environment, taskQueue, apiURL, arguments...))
}

// StartWorkerOn is StartWorker for a Temporal server that is the test's own.
func StartWorkerOn(t *testing.T, address, taskQueue, apiURL string) *Process {
	t.Helper()
	environment := []string{"TEMPORAL_ADDRESS=" + address, "TWOCAPTCHA_API_KEY=" + ClientKey}
	return startWorker(t, WorkerCommand(environment, taskQueue, apiURL))
}

func startWorker(t *testing.T, c Command) *Process {
	t.Helper()
	worker := StartProcess(t, c)
	worker.WaitForOutput(t, WorkerStarted)
	return worker
}

// WorkerCommand is a worker that serves the task queue and asks the service at apiURL. environment
// has the Temporal server's address and the key.
func WorkerCommand(environment []string, taskQueue, apiURL string, arguments ...string) Command {
	arguments = append([]string{"--task-queue", taskQueue, "--api-url", apiURL}, arguments...)
	if size := os.Getenv(cacheSizeVariable); size != "" {
		arguments = append(arguments, "--workflow-cache-size", size)
	}
	return Command{Path: WorkerPath(), Arguments: arguments, Environment: environment}
}

// RunStarter runs the starter for the task queue to its end.
func RunStarter(t *testing.T, taskQueue string, arguments ...string) Finished {
	t.Helper()
	return StartStarter(t, taskQueue, arguments...).Wait(t)
}

// StartStarter starts the starter for the task queue.
func StartStarter(t *testing.T, taskQueue string, arguments ...string) *Process {
	t.Helper()
	return StartStarterWithInput(t, nil, append([]string{"--task-queue", taskQueue}, arguments...)...)
}

// StartStarterWithInput starts the starter with these arguments alone, and with this standard
// input.
func StartStarterWithInput(t *testing.T, input io.Reader, arguments ...string) *Process {
	t.Helper()
	return StartProcess(t, Command{
		Path: StarterPath(), Arguments: arguments, Input: input, Environment: []string{"TEMPORAL_ADDRESS=" + Address()},
	})
}

// RunCLI runs the Temporal CLI against the dev server to its end, and again if the server was busy.
func RunCLI(t *testing.T, arguments ...string) Finished {
	t.Helper()
	return UnlessBusy(func() Finished {
		return StartProcess(t, Command{
			Path: CLI(), Arguments: append(slices.Clone(arguments), "--address", Address()),
		}).Wait(t)
	})
}

// UnlessBusy runs the Temporal CLI again for as long as its workflow is busy or its query is not
// answered. The CLI sends queries and signals once, and marks its calls as an operator's: the
// server lets these wait half a second for the workflow's lock
// (history.cacheNonUserContextLockTimeout), and then refuses them with nothing done.
func UnlessBusy(run func() Finished) Finished {
	giveUp := time.Now().Add(Patience)
	for {
		done := run()
		busy := strings.Contains(done.Stderr, "Workflow is busy") || strings.Contains(done.Stderr,
			"querying workflow failed")
		if done.Status == 0 || !busy || time.Now().After(giveUp) {
			return done
		}
	}
}
