package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// testPatience is how long a test waits for what should come within seconds. The machine may be
// busy with many tests.
const testPatience = 2 * time.Minute

// TestInterruptLeavesNothingBehind interrupts the program and all that it started, as a terminal's
// Ctrl-C does.
func TestInterruptLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	cli := cliVariable(t)
	for name, args := range map[string][]string{"designs": {"--design", "timer", "--tasks", "1000"}, "costs": {"--costs"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			interrupt(t, []string{cli}, func(mark string) {
				require.Eventually(t, func() bool { return len(workersOf(mark)) > 0 }, testPatience, 50*time.Millisecond, "a worker process")
			}, args...)
		})
	}
}

// TestInterruptTerminatesWorkflows interrupts it while it starts workflows and others run, some of
// them with children.
func TestInterruptTerminatesWorkflows(t *testing.T) {
	t.Parallel()
	server := startServerThere(t)
	const key = "a-key-that-nobody-else-may-see"
	environment := []string{"TEMPORAL_CLI=/does/not/exist", "TEMPORAL_API_KEY=" + key, "TEMPORAL_TLS=false"}
	for name, test := range map[string]struct {
		args []string
		runs []string // conditions that a workflow meets before the interrupt
	}{
		"designs": {
			[]string{"--tasks", "1000", "--rate", "20", "--mean-solve-time", "2m", "--at-once", "3",
				"--design", "timer", "--design", "solve", "--design", "child-guide"},
			[]string{`WorkflowType = "AwaitTaskResult"`, `WorkflowType = "SolveTask"`, `WorkflowType = "childPolling"`},
		},
		"scale": {[]string{"--scale", "--waits", "3000", "--poll-interval", "1h"}, []string{`WorkflowType = "AwaitTaskResult"`}},
	} {
		t.Run(name, func(t *testing.T) {
			stderr := interrupt(t, environment, func(mark string) {
				for _, condition := range test.runs {
					server.requireCount(t, `ExecutionStatus = "Running" AND `+condition, func(count int) bool { return count > 20 })
				}
				workers := workersOf(mark)
				require.NotEmpty(t, workers)
				for _, process := range workers {
					commandLine, _ := os.ReadFile(filepath.Join(process, "cmdline"))
					environment, _ := os.ReadFile(filepath.Join(process, "environ"))
					require.NotContains(t, string(commandLine)+string(environment), key)
				}
			}, append(test.args, "--address", server.Address(), "--namespace", namespaceThere)...)
			require.Contains(t, stderr, "terminating ")
			server.requireCount(t, `ExecutionStatus = "Running"`, func(count int) bool { return count == 0 })
		})
	}
}

// interrupt starts the program, interrupts it once ready returns, and returns what it wrote on
// standard error. It gives ready the mark of the program's processes.
func interrupt(t *testing.T, environment []string, ready func(mark string), args ...string) (said string) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	mark := markVariable + "=" + rand.Text()
	var stdout, stderr bytes.Buffer
	bench := exec.Command(program, args...)
	bench.Env = append(append(os.Environ(), environment...), mark)
	bench.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bench.Stdout, bench.Stderr = &stdout, &stderr
	require.NoError(t, bench.Start())
	t.Cleanup(func() { _ = bench.Process.Kill() })

	ready(mark)
	require.NoError(t, syscall.Kill(-bench.Process.Pid, syscall.SIGINT))
	require.Error(t, bench.Wait())
	require.Equal(t, command.ExitInterrupted, bench.ProcessState.ExitCode(), "it wrote\n%s", &stderr)
	require.True(t, strings.HasSuffix(stderr.String(), "bench: interrupted\n"), "it wrote\n%s", &stderr)
	require.Empty(t, stdout.String())
	require.Eventually(t, func() bool { return len(marked(mark)) == 0 }, testPatience, 50*time.Millisecond, "nothing is left")
	return stderr.String()
}

// workersOf are the folders of the marked worker processes in /proc.
func workersOf(mark string) []string {
	return slices.DeleteFunc(marked(mark), func(process string) bool {
		line, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		return !stage.IsWorker(strings.Split(string(line), "\x00"))
	})
}

// marked are the folders of the marked processes in /proc.
func marked(mark string) []string {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	var processes []string
	for _, path := range environments {
		environment, _ := os.ReadFile(path) // nothing of a process that has ended
		if slices.Contains(strings.Split(string(environment), "\x00"), mark) {
			processes = append(processes, filepath.Dir(path))
		}
	}
	return processes
}
