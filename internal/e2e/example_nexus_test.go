package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
)

func TestExampleNexus(t *testing.T) {
	t.Parallel()
	n := newNexusSetup(t, serviceOf(t, ready(`{"text":"4"}`)))
	example := t.TempDir() + "/nexus"
	build, err := exec.Command("go", "build", "-o", example, "../../examples/nexus").CombinedOutput()
	require.NoError(t, err, string(build))
	done := harness.StartProcess(t, harness.Command{Path: example, Environment: []string{
		"TEMPORAL_ADDRESS=" + harness.Address(), "TEMPORAL_NAMESPACE=" + strings.ToLower(t.Name()), "NEXUS_ENDPOINT=" + n.endpoint,
	}}).Wait(t)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Equal(t, `{"text":"4"}`+"\n", done.Stdout)
	require.Len(t, n.service.Purchases(), 1)
}
