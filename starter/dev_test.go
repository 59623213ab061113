package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
)

func TestDevDatabaseIsKeptInTheUsersCache(t *testing.T) {
	t.Parallel()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	database, err := devDatabase()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(cache, "temporal-2captcha", "dev.db"), database)
}

func TestSecondDevNamesTheFirstOnesServer(t *testing.T) {
	t.Parallel()
	inUse := &devserver.DatabaseInUseError{Database: "dev.db", Address: "127.0.0.1:7233"}
	const begins = "another --dev runs already, with a Temporal server at 127.0.0.1:7233: to use that one while it runs, run: " +
		"TEMPORAL_ADDRESS=127.0.0.1:7233 go run ./starter "
	for name, test := range map[string]struct {
		err       error
		arguments []string
		message   string
	}{
		"a task":         {inUse, []string{"--dev", "74372499131"}, begins + "74372499131"},
		"many flags":     {inUse, []string{"--dev", "--timeout", "5m", "--api-url", "http://localhost:1", "--log-level=info", "1", "2"}, begins + "--timeout 5m 1 2"},
		"a flag's value": {inUse, []string{"--api-url=http://localhost:1", "--dev=true", "--task-queue", "my queue", "-"}, begins + "--task-queue 'my queue' -"},
		"a task to buy":  {inUse, []string{"solve", "--dev", "--attempts", "2", `{"type": "T", "proxyPassword": "secret"}`}, begins + "solve --attempts 2 TASK"},
		"still starting": {&devserver.DatabaseInUseError{Database: "dev.db"}, []string{"--dev", "1"}, "the database dev.db is in use by another Temporal dev server: end that one first"},
		"another error":  {os.ErrPermission, []string{"--dev", "1"}, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, explainSecondDev(test.err, test.arguments), test.message)
		})
	}
}
