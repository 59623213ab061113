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
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// webUI is the address that a starter with a dev server of its own names, once it does.
func webUI(t *testing.T, starter *process) string {
	t.Helper()
	starter.waitForOutput(t, "Temporal Web UI: ")
	address := regexp.MustCompile(`Temporal Web UI: (http://127\.0\.0\.1:\d+)\n`)
	var named []string
	require.Eventually(t, func() bool {
		named = address.FindStringSubmatch(starter.stderr.String())
		return named != nil
	}, patience, 10*time.Millisecond, "no whole line names the Web UI")
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

// ownCLI is the Temporal CLI at a path of this test's own. It tells this test's dev server from another's, which may take the
// same port as soon as that is free.
func ownCLI(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "temporal")
	require.NoError(t, os.Symlink(fixture.cli, path))
	return path
}

// runs tells whether a process runs that was started by this path, or with it as an argument.
func runs(t *testing.T, path string) bool {
	t.Helper()
	commandLines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	if len(commandLines) == 0 { // no Linux
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
	starter := startProcess(t, command{
		path: fixture.starter, arguments: []string{"--demo"}, environment: []string{"TEMPORAL_CLI=" + cli},
	})
	address := webUI(t, starter)
	require.True(t, responds(address), "the Web UI at %s, while it runs", address)
	require.True(t, runs(t, cli), "the server, while the demo runs")
	done := starter.wait(t)

	require.Equal(t, 0, done.status, done.stderr)
	require.Regexp(t, `^(\{.*\}\n){4}$`, done.stdout)
	require.Len(t, regexp.MustCompile(`"status":"ready","solution":\{`).FindAllString(done.stdout, -1), 3)
	require.Len(t, regexp.MustCompile(`"status":"failed","errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE"`).
		FindAllString(done.stdout, -1), 1)
	require.False(t, runs(t, cli), "it leaves no server behind")
}

// TestDevTakesUpWhatItLeft gives one task to three commands, the first of which is killed in mid-wait.
func TestDevTakesUpWhatItLeft(t *testing.T) {
	t.Parallel()
	service, taskID, cache, cli := startSimulator(t), newTaskID(), t.TempDir(), ownCLI(t)
	service.Script(taskID, simulator.Processing(), simulator.Ready(`{"text":"abc"}`))
	dev := func() *process {
		return startProcess(t, command{
			path:      fixture.starter,
			arguments: []string{"--dev", "--api-url", service.URL(), "--initial-delay", "1ms", strconv.FormatInt(taskID, 10)},
			environment: []string{
				"TEMPORAL_CLI=" + cli, "TWOCAPTCHA_API_KEY=" + clientKey,
				"XDG_CACHE_HOME=" + cache, "HOME=" + cache, // macOS has its caches there
			},
		})
	}

	killed := dev()
	require.True(t, responds(webUI(t, killed)))
	require.NoError(t, service.WaitForAnswers(testContext(t), taskID, 1))
	require.True(t, runs(t, cli))
	killed.signal(t, syscall.SIGKILL)
	require.Equal(t, -1, killed.wait(t).status)
	require.Eventually(t, func() bool { return !runs(t, cli) }, patience, 50*time.Millisecond, "the dev server outlives the command")

	done := dev().wait(t)
	require.Equal(t, 0, done.status, done.stderr)
	require.Contains(t, done.stderr, fmt.Sprintf("task %d: attached to its workflow", taskID))
	require.Contains(t, done.stdout, `"solution":{"text":"abc"}`)
	require.Contains(t, done.stdout, workflows.WorkflowID(taskID))
	requests := len(service.RequestsFor(taskID))
	require.Empty(t, service.CloserThan(minSpacing))

	again := dev().wait(t)
	require.Equal(t, 0, again.status, again.stderr)
	require.Equal(t, done.stdout, again.stdout)
	require.Len(t, service.RequestsFor(taskID), requests, "answered from the closed run")
}

func TestInterruptedDev(t *testing.T) {
	t.Parallel()
	service, taskID, cache, cli := startSimulator(t), newTaskID(), t.TempDir(), ownCLI(t)
	service.Script(taskID, simulator.Processing().WithDelay(5*time.Second))
	starter := startProcess(t, command{
		path:      fixture.starter,
		arguments: []string{"--dev", "--api-url", service.URL(), "--initial-delay", "1ms", strconv.FormatInt(taskID, 10)},
		environment: []string{
			"TEMPORAL_CLI=" + cli, "TWOCAPTCHA_API_KEY=" + clientKey, "XDG_CACHE_HOME=" + cache, "HOME=" + cache,
		},
	})
	require.True(t, responds(webUI(t, starter)))
	require.NoError(t, service.WaitForRequests(testContext(t), taskID, 1))
	starter.signal(t, syscall.SIGINT)
	done := starter.wait(t)

	require.Equal(t, 130, done.status, done.stderr)
	require.Empty(t, done.stdout)
	require.False(t, service.RequestsFor(taskID)[0].Finished.IsZero(), "the poll under way finishes")
	require.Regexp(t, fmt.Sprintf("to resume, run: starter --dev .*%d\n", taskID), done.stderr)
	require.False(t, runs(t, cli), "it leaves no server behind")
}
