package e2e

import (
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// buildExample builds an example and returns the path of its program.
func buildExample(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	output, err := exec.Command("go", "build", "-o", path, repository+"/examples/"+name).CombinedOutput()
	require.NoError(t, err, string(output))
	return path
}

// runExample runs a built example to its end.
func runExample(t *testing.T, path string, environment []string, arguments ...string) harness.Finished {
	t.Helper()
	return harness.StartProcess(t, harness.Command{Path: path, Arguments: arguments, Environment: environment}).Wait(t)
}

// unsolvable is a task that nobody can solve.
var unsolvable = simulator.Submission{Answers: []simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")}}

// solvableThenNot is a service that solves every other task, the first one too.
func solvableThenNot(t *testing.T) *simulator.Server {
	t.Helper()
	var tasks atomic.Int64
	return harness.StartSimulatorWith(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		if tasks.Add(1)%2 == 0 {
			return unsolvable
		}
		return ready(`{"text":"Friday"}`)
	}})
}

// requireSolvedThenNot runs an example for two orders against such a service.
func requireSolvedThenNot(t *testing.T, example string, service *simulator.Server, environment ...string) {
	t.Helper()
	path := buildExample(t, example)

	for range 2 { // the second time without a purchase
		done := runExample(t, path, environment, "order-17")
		require.Equal(t, 0, done.Status, done.Stderr)
		require.Equal(t, `{"text":"Friday"}`+"\n", done.Stdout)
		require.Len(t, service.Purchases(), 1)
	}
	done := runExample(t, path, environment, "order-18")
	require.Equal(t, 1, done.Status, done.Stdout)
	require.Empty(t, done.Stdout)
	require.Contains(t, done.Stderr, " ERROR_CAPTCHA_UNSOLVABLE: ")
	require.Len(t, service.Purchases(), 2)
}
