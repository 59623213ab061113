package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// webUI waits until a starter with a dev server of its own names the Web UI's address.
func webUI(t *testing.T, starter *harness.Process) string {
	t.Helper()
	starter.WaitForOutput(t, "Temporal Web UI: ")
	address := regexp.MustCompile(`Temporal Web UI: (http://127\.0\.0\.1:\d+)\n`)
	var named []string
	require.Eventually(t, func() bool {
		named = address.FindStringSubmatch(starter.Stderr())
		return named != nil
	}, harness.Patience, 10*time.Millisecond, "no whole line names the Web UI")
	return named[1]
}

func responds(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// ownCLI is the Temporal CLI at a path of this test's own. The path tells this test's dev server
// from another one, which may take the same port as soon as that is free.
func ownCLI(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "temporal")
	require.NoError(t, os.Symlink(harness.CLI(), path))
	return path
}

// runs reports whether a process runs that was started by this path or with it as an argument.
func runs(t *testing.T, path string) bool {
	t.Helper()
	commandLines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	if len(commandLines) == 0 { // not Linux
		processes, err := exec.Command("ps", "-Ao", "args").Output()
		require.NoError(t, err)
		return bytes.Contains(processes, []byte(path))
	}
	for _, each := range commandLines {
		if commandLine, err := os.ReadFile(each); err == nil && bytes.Contains(commandLine, []byte(path)) {
			return true
		}
	}
	return false
}

func TestDemo(t *testing.T) {
	t.Parallel()
	cli := ownCLI(t)
	starter := harness.StartProcess(t, harness.Command{
		Path: harness.StarterPath(), Arguments: []string{"--demo"}, Environment: []string{"TEMPORAL_CLI=" + cli},
	})
	address := webUI(t, starter)
	require.True(t, responds(address), "the Web UI at %s, while it runs", address)
	require.True(t, runs(t, cli), "the server, while the demo runs")
	done := starter.Wait(t)

	require.Equal(t, 0, done.Status, done.Stderr)
	require.Regexp(t, `^(\{.*\}\n){5}$`, done.Stdout)
	require.Len(t, regexp.MustCompile(`"status":"ready","solution":\{`).FindAllString(done.Stdout, -1), 4)
	require.Len(t, regexp.MustCompile(`"status":"failed","errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE"`).
		FindAllString(done.Stdout, -1), 1)
	require.False(t, runs(t, cli), "it leaves no server behind")
}

// TestDevTakesUpWhatItLeft gives one task to three commands. The first one is killed in mid-wait.
func TestDevTakesUpWhatItLeft(t *testing.T) {
	t.Parallel()
	service, taskID, cache, cli := harness.StartSimulator(t), harness.NewTaskID(), t.TempDir(), ownCLI(t)
	service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	dev := func() *harness.Process {
		return harness.StartProcess(t, harness.Command{
			Path: harness.StarterPath(),
			Arguments: []string{"--dev", "--api-url", service.URL(), "--initial-delay", "1ms",
				strconv.FormatInt(taskID, 10)},
			Environment: []string{
				"TEMPORAL_CLI=" + cli, "TWOCAPTCHA_API_KEY=" + harness.ClientKey,
				"XDG_CACHE_HOME=" + cache, "HOME=" + cache, // macOS has its caches there
			},
		})
	}

	killed := dev()
	require.True(t, responds(webUI(t, killed)))
	require.NoError(t, service.WaitForAnswers(harness.Context(t), taskID, 1))
	require.True(t, runs(t, cli))
	killed.Signal(t, syscall.SIGKILL)
	require.Equal(t, -1, killed.Wait(t).Status)
	require.Eventually(t, func() bool { return !runs(t, cli) }, harness.Patience, 50*time.Millisecond,
		"the dev server outlives the command")

	done := dev().Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stderr, fmt.Sprintf("task %d: attached to its workflow", taskID))
	require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`)
	require.Contains(t, done.Stdout, workflows.WorkflowID(taskID))
	requests := len(service.RequestsFor(taskID))
	require.Empty(t, service.CloserThan(harness.MinSpacing))

	again := dev().Wait(t)
	require.Equal(t, 0, again.Status, again.Stderr)
	require.Equal(t, done.Stdout, again.Stdout)
	require.Len(t, service.RequestsFor(taskID), requests, "answered from the closed run")
}

// TestSecondDev runs the command that a second --dev names, on the server and the worker of the
// first one.
func TestSecondDev(t *testing.T) {
	t.Parallel()
	service, cache := harness.StartSimulator(t), t.TempDir()
	first, second := harness.NewTaskID(), harness.NewTaskID()
	service.Script(first, simulator.Processing())
	service.Script(second, simulator.Ready(`{"text":"abc"}`))
	dev := func(taskID int64) *harness.Process {
		return harness.StartProcess(t, harness.Command{
			Path:      harness.StarterPath(),
			Arguments: []string{"--dev", "--api-url", service.URL(), "--initial-delay", "1ms", strconv.FormatInt(taskID, 10)},
			Environment: []string{
				"TEMPORAL_CLI=" + harness.CLI(), "TWOCAPTCHA_API_KEY=" + harness.ClientKey, "XDG_CACHE_HOME=" + cache, "HOME=" + cache,
			},
		})
	}
	require.True(t, responds(webUI(t, dev(first))))

	refused := dev(second).Wait(t)
	require.Equal(t, 1, refused.Status)
	named := regexp.MustCompile(`^starter: another --dev runs already, with a Temporal server at (\S+): to use that one while it runs, ` +
		`run: TEMPORAL_ADDRESS=(\S+) go run ./starter (.*)\n$`).FindStringSubmatch(refused.Stderr)
	require.NotNil(t, named, refused.Stderr)
	require.Equal(t, named[1], named[2])
	done := harness.StartProcess(t, harness.Command{
		Path: harness.StarterPath(), Arguments: strings.Fields(named[3]), Environment: []string{"TEMPORAL_ADDRESS=" + named[2]},
	}).Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"solution":{"text":"abc"}`)
}

func TestInterruptedDev(t *testing.T) {
	t.Parallel()
	service, taskID, cache, cli := harness.StartSimulator(t), harness.NewTaskID(), t.TempDir(), ownCLI(t)
	service.Script(taskID, simulator.Processing().WithDelay(5*time.Second))
	starter := harness.StartProcess(t, harness.Command{
		Path: harness.StarterPath(),
		Arguments: []string{"--dev", "--api-url", service.URL(), "--initial-delay", "1ms",
			strconv.FormatInt(taskID, 10)},
		Environment: []string{
			"TEMPORAL_CLI=" + cli, "TWOCAPTCHA_API_KEY=" + harness.ClientKey, "XDG_CACHE_HOME=" + cache, "HOME=" + cache,
		},
	})
	require.True(t, responds(webUI(t, starter)))
	require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 1))
	starter.Signal(t, syscall.SIGINT)
	done := starter.Wait(t)

	require.Equal(t, 130, done.Status, done.Stderr)
	require.Empty(t, done.Stdout)
	require.False(t, service.RequestsFor(taskID)[0].Finished.IsZero(), "the poll under way finishes")
	require.Regexp(t, fmt.Sprintf("to resume, run: starter --dev .*%d\n", taskID), done.Stderr)
	require.False(t, runs(t, cli), "it leaves no server behind")
}
