package e2e

import (
	"testing"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
)

func TestExampleInline(t *testing.T) {
	t.Parallel()
	service := solvableThenNot(t)

	requireSolvedThenNot(t, "inline", service, "TEMPORAL_ADDRESS="+harness.Address(),
		"TWOCAPTCHA_API_KEY="+harness.ClientKey, "TWOCAPTCHA_API_URL="+service.URL())
}
