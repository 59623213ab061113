package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
)

func TestExampleNexus(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, serviceOf(t, ready(`{"text":"4"}`)))
	done := runExampleNexus(t, n)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Equal(t, `{"text":"4"}`+"\n", done.Stdout)
	require.Len(t, n.service.Purchases(), 1)
}

func TestExampleNexusOfAnUnsolvableTask(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, serviceOf(t, unsolvable))
	done := runExampleNexus(t, n)
	require.Equal(t, 1, done.Status, done.Stdout)
	require.Contains(t, done.Stderr, " ERROR_CAPTCHA_UNSOLVABLE: ")
	require.Len(t, n.service.Purchases(), 1)
}

// runExampleNexus runs the example for an order of the test's own.
func runExampleNexus(t *testing.T, n nexusSetup) harness.Finished {
	t.Helper()
	return runExample(t, buildExample(t, "nexus"), []string{
		"TEMPORAL_ADDRESS=" + harness.Address(), "TEMPORAL_NAMESPACE=" + n.namespace, "NEXUS_ENDPOINT=" + n.endpoint,
	}, t.Name())
}
