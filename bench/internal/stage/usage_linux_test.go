package stage

import (
	"context"
	"os"
	"os/exec"
	"runtime"
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
			parent, group, cpu, err := parseStat(test.text)
			require.NoError(t, err)
			require.Equal(t, 7, parent)
			require.Equal(t, 12, group)
			require.Equal(t, 500*time.Millisecond, cpu)
		})
	}
	for _, text := range []string{"", "42", "42 (a) S 7", "42 (a) S 7 x" + rest[len(" S 7 12"):], "42 (a) S 7 12 12 0 -1 4194560 100 200 0 0 30 x 5 3 20"} {
		_, _, _, err := parseStat(text)
		require.Error(t, err, text)
	}
}

func TestUsageIncludesDescendants(t *testing.T) {
	t.Parallel()
	for name, job := range map[string]string{
		"in its group":             "(while :; do :; done) & wait",
		"with groups of their own": "setsid sh -c 'while kill -0 $PPID; do :; done' & wait",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shell := exec.Command("/bin/sh", "-c", job)
			shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			require.NoError(t, shell.Start())
			t.Cleanup(func() {
				require.NoError(t, syscall.Kill(-shell.Process.Pid, syscall.SIGKILL))
				_ = shell.Wait() // killed, as it had to be
			})
			require.Eventually(t, func() bool {
				return cpuOfGroup(shell.Process.Pid) >= 100*time.Millisecond
			}, time.Minute, 10*time.Millisecond, "the shell itself only waits")
		})
	}
}

func TestBusiestIntervalOfTheMachine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	go func() {
		for ctx.Err() == nil { // it keeps one CPU busy
		}
	}()
	percent := busiest(ctx, 200*time.Millisecond)
	require.Greater(t, percent, 30.0/float64(runtime.NumCPU()))
	require.LessOrEqual(t, percent, 100.0)
}

func TestUsageOfThisProcess(t *testing.T) {
	t.Parallel()
	used := (&stage{}).usage()
	require.True(t, used.known)
	require.Zero(t, used.server)
	require.Zero(t, used.workers)
	resident := memory(os.Getpid(), "VmRSS")
	require.Greater(t, resident, int64(1<<20))
	require.GreaterOrEqual(t, memory(os.Getpid(), "VmHWM"), resident)
}

func TestUsageOfNoProcess(t *testing.T) {
	t.Parallel()
	ended := exec.Command("/bin/sh", "-c", ":")
	ended.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, ended.Run())
	require.Zero(t, cpuOfGroup(ended.Process.Pid))
	require.Zero(t, memory(ended.Process.Pid, "VmRSS"))
}
