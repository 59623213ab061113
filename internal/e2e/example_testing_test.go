package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
)

// TestExampleTesting runs the example's program, which brings its own service.
func TestExampleTesting(t *testing.T) {
	t.Parallel()
	done := runExample(t, buildExample(t, "testing"), []string{"TEMPORAL_ADDRESS=" + harness.Address()},
		"What is 2+2?", "unreadable")
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Equal(t, `{"text":"4"}`+"\nasked a person, because of ERROR_CAPTCHA_UNSOLVABLE\n", done.Stdout)
}
