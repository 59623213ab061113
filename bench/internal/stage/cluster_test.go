package stage

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/cluster"
)

func TestComponentsAreThoseOfACluster(t *testing.T) {
	t.Parallel()
	var names []string
	for _, role := range []cluster.Role{cluster.Frontend, cluster.History, cluster.Matching, cluster.Worker, cluster.PostgreSQL} {
		names = append(names, component(role))
	}
	require.Equal(t, Components(), names)
}

// answering is a server whose psql is a shell script.
func answering(script string) *Server { return &Server{psql: []string{"/bin/sh", "-c", script}} }

func TestWhatPostgreSQLHasWritten(t *testing.T) {
	t.Parallel()
	rows, bytes, err := answering(`echo "6720|123456789012"`).written(t.Context())
	require.NoError(t, err)
	require.Equal(t, new(6720.0), rows)
	require.Equal(t, new(123456789012.0), bytes)
	for _, script := range []string{"echo", "echo 5", "echo no server >&2; exit 2"} {
		_, _, err := answering(script).written(t.Context())
		require.Error(t, err, script)
	}
	_, _, err = answering("echo no server >&2; exit 2").written(t.Context())
	require.EqualError(t, err, "psql: no server")
	version, err := answering("echo '15.18 (Debian 15.18-0)'").databaseVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, "PostgreSQL 15.18", version)
}

func TestDevServerTellsNothingOfItsDatabase(t *testing.T) {
	t.Parallel()
	rows, bytes, err := (&Server{}).written(t.Context())
	require.NoError(t, err)
	require.Nil(t, rows)
	require.Nil(t, bytes)
}

func TestProfilesOfAServer(t *testing.T) {
	t.Parallel()
	profiles := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/history/profile" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte("for " + r.FormValue("seconds")))
	}))
	t.Cleanup(profiles.Close)
	h := &hold{stage: &stage{Options: Options{
		Profiles: t.TempDir(), Workers: 1, Server: &Server{Name: "cluster", profiled: map[string]string{"history-1": profiles.URL + "/history/"}},
	}}}
	require.NoError(t, h.profileServer(t.Context(), "steady")())
	profile, err := os.ReadFile(filepath.Join(h.Profiles, "cluster-0-waits-1-workers", "history-1.steady.cpu.pprof"))
	require.NoError(t, err)
	require.Equal(t, "for 20", string(profile))
	h.Server.profiled["gone"] = profiles.URL + "/gone/"
	require.EqualError(t, h.profileServer(t.Context(), "finish")(), "the profile of gone: 404 Not Found")
}
