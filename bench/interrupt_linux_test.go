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
	program, err := os.Executable()
	require.NoError(t, err)
	mark := markVariable + "=" + rand.Text()
	var stdout, stderr bytes.Buffer
	bench := exec.Command(program, "--design", "timer", "--tasks", "1000")
	bench.Env = append(os.Environ(), cliVariable(t), mark)
	bench.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bench.Stdout, bench.Stderr = &stdout, &stderr
	require.NoError(t, bench.Start())
	t.Cleanup(func() { _ = bench.Process.Kill() })

	require.Eventually(t, func() bool { return hasWorker(mark) }, testPatience, 50*time.Millisecond, "a worker process")
	require.NoError(t, syscall.Kill(-bench.Process.Pid, syscall.SIGINT))
	require.Error(t, bench.Wait())
	require.Equal(t, command.ExitInterrupted, bench.ProcessState.ExitCode(), "it wrote\n%s", &stderr)
	require.True(t, strings.HasSuffix(stderr.String(), "bench: interrupted\n"), "it wrote\n%s", &stderr)
	require.Empty(t, stdout.String())
	require.Eventually(t, func() bool { return len(marked(mark)) == 0 }, testPatience, 50*time.Millisecond, "nothing is left")
}

// hasWorker tells whether there is a marked worker process.
func hasWorker(mark string) bool {
	return slices.ContainsFunc(marked(mark), func(process string) bool {
		line, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		return stage.IsWorker(strings.Split(string(line), "\x00"))
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
