package chaos

import (
	"os"
	"testing"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.MainWithoutServer(m)) }
