package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStatOfAProcess(t *testing.T) {
	t.Parallel()
	const rest = " S 7 12 12 0 -1 4194560 100 200 0 0 30 12 5 3 20 0 9 0 100 1000 200"
	tests := map[string]struct{ text string }{
		"a name":                {"42 (temporal)" + rest},
		"a name like a field":   {"42 (1 2) 3 (x)" + rest},
		"a name with a newline": {"42 (a\nb)" + rest},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stat, err := parseStat(test.text)
			require.NoError(t, err)
			require.Equal(t, processStat{id: 42, parent: 7, cpu: 500 * time.Millisecond}, stat)
		})
	}
	for _, text := range []string{"", "42", "42 (a) S 7", "x (a)" + rest, "42 (a) S 7 12 12 0 -1 4194560 100 200 0 0 30 x 5 3 20"} {
		_, err := parseStat(text)
		require.Error(t, err, text)
	}
}

func TestUsageIncludesDescendants(t *testing.T) {
	t.Parallel()
	shell := exec.Command("/bin/sh", "-c", "(while :; do :; done) & wait")
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, shell.Start())
	t.Cleanup(func() {
		require.NoError(t, syscall.Kill(-shell.Process.Pid, syscall.SIGKILL))
		_ = shell.Wait() // killed, as it had to be
	})
	require.Eventually(t, func() bool {
		used, err := readUsage(shell.Process.Pid)
		return err == nil && used.cpu >= 100*time.Millisecond
	}, time.Minute, 10*time.Millisecond, "the shell itself only waits")
}

func TestUsageHasMemory(t *testing.T) {
	t.Parallel()
	used, err := readUsage(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, used.resident, int64(1<<20))
	require.GreaterOrEqual(t, used.peak, used.resident)
}

func TestUsageOfNoProcess(t *testing.T) {
	t.Parallel()
	ended := exec.Command("/bin/sh", "-c", ":")
	require.NoError(t, ended.Run())
	_, err := readUsage(ended.Process.Pid)
	require.ErrorContains(t, err, "has ended")
}
