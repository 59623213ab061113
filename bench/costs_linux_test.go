package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/size"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func TestCosts(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	bench := invocation("--costs", "--design", "callback", "--loads", "2,4,8", "--arrivals", "1s", "--mean-solve-time", "2s", "--json")
	bench.Environment = append(command.Environment{cliVariable(t)}, os.Environ()...) // the first of two counts
	bench.Output, bench.Errors = &stdout, &stderr
	if status := run(t.Context(), bench); status != command.ExitDone {
		require.Equal(t, command.ExitFailed, status, &stderr)
		require.Contains(t, stderr.String(), "of the CPUs were busy, which is over 85 %: run it on a machine with nothing else to do",
			"other tests may keep the machine busy")
	}
	figures, err := size.Parse(stdout.Bytes())
	require.NoError(t, err, &stderr)
	require.Len(t, figures.Servers, 1)
	server := figures.Servers[0]
	require.Equal(t, "dev server", server.Server)
	require.NotEmpty(t, server.Version)
	require.Zero(t, server.Idle.Tasks)
	require.GreaterOrEqual(t, server.Idle.Seconds, 5.0)
	require.Len(t, server.Designs, 1)
	for i, tasks := range []int{2, 4, 8} {
		point := server.Designs[0].Points[i]
		require.Equal(t, tasks, point.Tasks)
		require.GreaterOrEqual(t, point.RequestsPerTask, 1.0)
		require.Positive(t, point.CPU["dev server"])
		require.Positive(t, point.CPU["worker"])
		require.Positive(t, point.CPU["bench"])
		require.Positive(t, point.WorkerMemory)
		require.Nil(t, point.Rows)
	}
}
