package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDevDatabaseIsKeptInTheUsersCache(t *testing.T) {
	t.Parallel()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	database, err := devDatabase()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(cache, "temporal-2captcha", "dev.db"), database)
}
