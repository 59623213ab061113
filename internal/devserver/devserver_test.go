//go:build linux || darwin

package devserver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/internal/loopback"
)

func TestServerRunsWorkflowsAndServesTheWebUIUntilItIsStopped(t *testing.T) {
	t.Parallel()
	port, err := loopback.FreePort()
	require.NoError(t, err)
	server := startServer(t, Options{Port: port})
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d", port), server.Address())
	temporalClient := dial(t, server)

	greet := func(_ workflow.Context, name string) (string, error) { return "hello " + name, nil }
	served := worker.New(temporalClient, "greetings", worker.Options{})
	served.RegisterWorkflowWithOptions(greet, workflow.RegisterOptions{Name: "Greet"})
	require.NoError(t, served.Start())
	run, err := temporalClient.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "greetings"}, "Greet", "dev server")
	require.NoError(t, err)
	var greeting string
	require.NoError(t, run.Get(t.Context(), &greeting))
	require.Equal(t, "hello dev server", greeting)
	served.Stop()

	response, err := http.Get(server.WebURL())
	require.NoError(t, err)
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Contains(t, strings.ToLower(string(page)), "<html", "the Web UI is a page")

	require.NoError(t, server.Err(), "it runs")
	require.NoError(t, server.Stop())
	requireClosed(t, server.Done())
	eventually(t, func() bool { return loopback.IsFree(server.Port()) }, "nothing listens any more")
	require.NoError(t, server.Err(), "it was stopped")
	require.NoError(t, server.Stop(), "stopped twice")
	require.NoError(t, server.Kill(), "killed after it was stopped")
}

func TestServersStartedAtOnceGetPortsOfTheirOwn(t *testing.T) {
	t.Parallel()
	const count = 3
	cli := testCLI(t)
	servers := make([]*Server, count)
	errs := make([]error, count)
	var starting sync.WaitGroup
	for i := range count {
		starting.Go(func() { servers[i], errs[i] = Start(t.Context(), Options{CLI: cli}) })
	}
	starting.Wait()
	addresses := map[string]bool{}
	for i, server := range servers {
		require.NoError(t, errs[i])
		t.Cleanup(func() { require.NoError(t, server.Kill()) })
		addresses[server.Address()], addresses[server.WebURL()] = true, true
	}
	require.Len(t, addresses, 2*count)
	for _, server := range servers {
		dial(t, server)
	}
}

func TestStartTriesOtherPortsWhenOneIsTakenMeanwhile(t *testing.T) {
	t.Parallel()
	for name, steal := range map[string]func(*ports, int){
		"gRPC":    func(p *ports, taken int) { p.frontend = taken },
		"Web UI":  func(p *ports, taken int) { p.ui = taken },
		"HTTP":    func(p *ports, taken int) { p.http = taken },
		"metrics": func(p *ports, taken int) { p.metrics = taken },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Another server that answers, so that its answers might be taken for this one's.
			other, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			answering := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
			go func() { _ = answering.Serve(other) }()
			t.Cleanup(func() { require.NoError(t, answering.Close()) })
			attempts := 0
			server := startServer(t, Options{choosePorts: func(ctx context.Context, options Options) (ports, error) {
				chosen, err := choosePorts(ctx, options)
				if attempts++; attempts == 1 {
					steal(&chosen, other.Addr().(*net.TCPAddr).Port)
				}
				return chosen, err
			}})
			require.Greater(t, attempts, 1, "the first ports can't all have been had")
			dial(t, server)
		})
	}
}

func TestUsualPortIsTakenIfItIsFree(t *testing.T) {
	t.Parallel()
	usual, err := loopback.FreePort()
	require.NoError(t, err)
	chosen, err := choosePort(t.Context(), 0, usual)
	require.NoError(t, err)
	require.Equal(t, usual, chosen)

	chosen, err = choosePort(t.Context(), 0, usual, usual)
	require.NoError(t, err)
	require.NotEqual(t, usual, chosen, "chosen already for something else")

	other, err := net.Listen("tcp", fmt.Sprintf(":%d", usual))
	require.NoError(t, err)
	defer other.Close()
	chosen, err = choosePort(t.Context(), 0, usual)
	require.NoError(t, err)
	require.NotEqual(t, usual, chosen, "another program listens on every address")
}

func TestStartOnATakenPortSaysWhich(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	_, err = Start(t.Context(), Options{CLI: testCLI(t), Port: port})
	require.ErrorContains(t, err, fmt.Sprintf("port %d", port))
	require.ErrorContains(t, err, "taken by another program")

	_, err = Start(t.Context(), Options{CLI: testCLI(t), Port: 70000})
	require.ErrorContains(t, err, "port 70000")
}

func TestDatabaseSurvivesKillAndRestartOnTheSamePort(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "a folder #1 of 100%?", "temporal.db")
	first := startServer(t, Options{Database: database})
	temporalClient := dial(t, first)
	run, err := temporalClient.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "unserved"}, "Any")
	require.NoError(t, err)
	require.NoError(t, first.Kill())
	require.FileExists(t, database)

	second := startServer(t, Options{Database: database, Port: first.Port()})
	require.Equal(t, first.Address(), second.Address())
	eventually(t, func() bool {
		execution, err := temporalClient.DescribeWorkflow(t.Context(), "kept", "")
		return err == nil && execution.RawResponse.WorkflowExecutionInfo.Execution.RunId == run.GetRunID()
	}, "the client of the first server finds its workflow on the second one")
}

func TestDatabaseInUseIsRefused(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "temporal.db")
	first := startServer(t, Options{Database: database})
	_, err := Start(t.Context(), Options{CLI: testCLI(t), Database: database})
	require.EqualError(t, err, fmt.Sprintf("the database %s is in use by another Temporal dev server, at %s: end that one first",
		database, first.Address()))
	require.Equal(t, &DatabaseInUseError{Database: database, Address: first.Address()}, err)
	dial(t, first)

	require.NoError(t, first.Kill())
	second := startServer(t, Options{Database: database})
	_, err = Start(t.Context(), Options{CLI: testCLI(t), Database: database})
	require.Equal(t, &DatabaseInUseError{Database: database, Address: second.Address()}, err)
}

func TestDatabaseOfAnInterruptedFirstStartIsMadeAnew(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "temporal.db")
	started := filepath.Join(t.TempDir(), "started")
	// Stands in for a server that makes a part of its tables and is interrupted.
	halting := script(t, `: > temporal.db; : > '`+started+`'; exec sleep 600`)
	ctx, interrupt := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := Start(ctx, Options{CLI: halting, Database: database})
		failed <- err
	}()
	eventually(t, func() bool { return exists(started) }, "the server began")
	interrupt()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.FileExists(t, database)

	first := startServer(t, Options{Database: database})
	_, err := dial(t, first).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "unserved"}, "Any")
	require.NoError(t, err)
	require.NoError(t, first.Stop())

	second := startServer(t, Options{Database: database})
	_, err = dial(t, second).DescribeWorkflow(t.Context(), "kept", "")
	require.NoError(t, err, "a database that a server got ready on is kept")
}

func TestDatabaseNameThatTheServerWouldMisreadIsRefused(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{CLI: testCLI(t), Database: filepath.Join(t.TempDir(), "a?b.db")})
	require.ErrorContains(t, err, "must have no ?, # or %")
}

func TestServerEndsWithItsKilledParentAndNotWithAFrozenOne(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "temporal.db")
	owner := play(t, roleParent, parentTask{testCLI(t), database})
	started := owner.startedServer(t)

	require.NoError(t, owner.command.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	_, err := syscall.Wait4(owner.command.Process.Pid, &status, syscall.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped())
	require.NoError(t, askNamespace(t.Context(), started.Address), "the server of a frozen parent runs on")
	require.True(t, alive(t, started.Watcher))

	require.NoError(t, owner.command.Process.Kill())
	eventually(t, func() bool { return !alive(t, started.Server) }, "the server ends with its parent")
	eventually(t, func() bool { return !alive(t, started.Watcher) }, "the watcher ends after the server")
	startServer(t, Options{Database: database})
}

func TestServerEndsWithAParentKilledBeforeItAnswers(t *testing.T) {
	t.Parallel()
	ids := filepath.Join(t.TempDir(), "ids")
	// A command that runs another, as the scripts of version managers do, and never answers.
	hanging := script(t, `sleep 600 & echo $$ $! > '`+ids+`.part'; mv '`+ids+`.part' '`+ids+`'; wait`)
	owner := play(t, roleParent, parentTask{CLI: hanging})
	processes := readIDs(t, ids)
	require.Len(t, processes, 2)
	require.NoError(t, syscall.Kill(-owner.command.Process.Pid, syscall.SIGKILL), "the parent's whole process group")
	for _, process := range processes {
		eventually(t, func() bool { return !alive(t, process) }, "process %d of %v ends with the parent", process, processes)
	}
}

func TestInterruptOfTheParentsProcessGroupDoesNotReachTheServerAndNothingIsPrinted(t *testing.T) {
	t.Parallel()
	owner := play(t, roleParent, parentTask{CLI: testCLI(t)})
	started := owner.startedServer(t)
	require.NoError(t, syscall.Kill(-owner.command.Process.Pid, syscall.SIGINT))
	require.Equal(t, "interrupted\n", owner.line(t))
	require.NoError(t, askNamespace(t.Context(), started.Address), "the server runs on")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(started.Watcher, signal))
	}
	require.True(t, alive(t, started.Watcher), "no signal but SIGKILL ends the watcher")

	require.NoError(t, owner.input.Close())
	rest, err := io.ReadAll(owner.output)
	require.NoError(t, err)
	require.Empty(t, string(rest), "standard output has the parent's own lines alone")
	require.NoError(t, owner.command.Wait(), "the server is stopped")
	require.Empty(t, owner.errors.String(), "nothing on standard error")
	require.False(t, alive(t, started.Server))
	require.False(t, alive(t, started.Watcher))
}

func TestServersEnvironmentHasNoClientKey(t *testing.T) {
	t.Parallel()
	owner := play(t, roleParent, parentTask{CLI: testCLI(t)},
		"TWOCAPTCHA_API_KEY=a-client-key", "TWOCAPTCHA_API_KEY_FILE=/a-client-key", "TEMPORAL_API_KEY=a-cloud-key",
		"TEMPORAL_NAMESPACE=elsewhere", "UNRELATED=passed-on")
	started := owner.startedServer(t)
	environment := environmentOf(t, started.Server)
	require.Contains(t, environment, "UNRELATED=passed-on", "the environment is readable here")
	for _, process := range []int{started.Server, started.Watcher} {
		environment := environmentOf(t, process)
		require.NotContains(t, environment, "TWOCAPTCHA_")
		require.NotContains(t, environment, "TEMPORAL_")
	}
}

func TestServerThatEndsByItselfIsNoticed(t *testing.T) {
	t.Parallel()
	server := startServer(t, Options{})
	require.NoError(t, syscall.Kill(server.ProcessID(), syscall.SIGKILL))
	requireClosed(t, server.Done())
	require.ErrorContains(t, server.Err(), "ended by itself: signal: killed")
	require.NoError(t, server.Stop())
}

func TestFrozenServerIsKilled(t *testing.T) {
	t.Parallel()
	server := startServer(t, Options{})
	require.NoError(t, syscall.Kill(server.process.ID(), syscall.SIGSTOP))
	require.NoError(t, server.Stop(), "it can't answer SIGTERM")
	require.False(t, alive(t, server.process.ID()))
}

func TestCLIThatIsAScriptEndsWithWhatItRuns(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Server) error{"Stop": (*Server).Stop, "Kill": (*Server).Kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port, err := loopback.FreePort()
			require.NoError(t, err)
			server := startServer(t, Options{Port: port, CLI: script(t, `'`+testCLI(t)+`' "$@"; exit $?`)})
			require.NoError(t, end(server))
			eventually(t, func() bool { return loopback.IsFree(port) }, "the server that the script ran has ended")
		})
	}
}

func TestStartSaysWhyACLICannotBeRun(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "not-executable")
	require.NoError(t, os.WriteFile(file, []byte("no program"), 0o600))
	for name, cli := range map[string]string{
		"missing":        filepath.Join(folder, "missing"),
		"not executable": file,
		"a folder":       folder,
		"no such name":   "no-such-temporal-cli",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(t.Context(), Options{CLI: cli})
			require.ErrorContains(t, err, strconv.Quote(cli)+", named by TEMPORAL_CLI, can't be run: ")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestStartShowsTheLastLinesOfACLIThatEnds(t *testing.T) {
	t.Parallel()
	ending := script(t, `i=1; while [ $i -le 40 ]; do echo "line $i of the log" >&2; i=$((i+1)); done; exit 3`)
	_, err := Start(t.Context(), Options{CLI: ending})
	require.ErrorContains(t, err, ending)
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "\nline 40 of the log")
	require.NotContains(t, err.Error(), "line 20 of")
}

func TestStartThatIsCanceledLeavesNothing(t *testing.T) {
	t.Parallel()
	ids := filepath.Join(t.TempDir(), "ids")
	hanging := script(t, `trap '' TERM; sleep 600 & echo $$ $! > '`+ids+`.part'; mv '`+ids+`.part' '`+ids+`'; wait`)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := Start(ctx, Options{CLI: hanging})
		failed <- err
	}()
	processes := readIDs(t, ids)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	for _, process := range processes {
		eventually(t, func() bool { return !alive(t, process) }, "process %d has ended", process)
	}
}

// testCLI is the CLI that tests run: TEMPORAL_CLI's or, if that is not set, the pinned one.
func testCLI(t *testing.T) string {
	t.Helper()
	cli, err := CLI(context.Background(), Options{
		CLI: os.Getenv("TEMPORAL_CLI"), CLIDownload: os.Getenv("TEMPORAL_CLI_DOWNLOAD"), Messages: t.Output(),
	})
	require.NoError(t, err)
	return cli
}

// startServer starts a server that ends with the test.
func startServer(t *testing.T, options Options) *Server {
	t.Helper()
	if options.CLI == "" {
		options.CLI = testCLI(t)
	}
	server, err := Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Kill()) })
	return server
}

func dial(t *testing.T, server *Server) client.Client {
	t.Helper()
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	temporalClient, err := client.DialContext(t.Context(), client.Options{HostPort: server.Address(), Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(temporalClient.Close)
	return temporalClient
}

func requireClosed(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		require.Fail(t, "the server's end is not told")
	}
}

// readIDs reads the process ids that a script writes.
func readIDs(t *testing.T, file string) []int {
	t.Helper()
	eventually(t, func() bool { return exists(file) }, "the script began")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var ids []int
	for _, field := range strings.Fields(string(content)) {
		id, err := strconv.Atoi(field)
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return ids
}

// environmentOf is the environment that a process was started with.
func environmentOf(t *testing.T, process int) string {
	t.Helper()
	if runtime.GOOS == "linux" {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", process))
		require.NoError(t, err)
		return string(content)
	}
	content, err := exec.Command("ps", "-E", "-ww", "-o", "command=", "-p", strconv.Itoa(process)).Output()
	require.NoError(t, err)
	return string(content)
}
