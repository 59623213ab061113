//go:build linux || darwin

package devserver

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionsAreCompared(t *testing.T) {
	t.Parallel()
	for text, recent := range map[string]bool{
		"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)":     true,
		"temporal version 1.5.2 (Server 1.29.1, UI 2.42.1)":     true,
		"temporal version 1.10.0 (Server 1.33.0, UI 2.60.0)":    true,
		"temporal version 2.0.0":                                true,
		"temporal version v1.6.0":                               true,
		"temporal version 1.6.0-rc.1 (Server 1.30.0)":           true,
		"temporal version 1.5.1-rc.1 (Server 1.29.0)":           false,
		"temporal version 1.5.0 (Server 1.29.1, UI 2.42.1)":     false,
		"temporal version 1.4.9 (Server 1.29.1, UI 2.42.1)":     false,
		"temporal version 0.13.2 (server 1.24.2) (ui 2.27.1)":   false,
		"temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)": false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			said, known := parseVersion(text)
			require.True(t, known)
			minimum, known := parseVersion("1.5.1")
			require.True(t, known)
			require.Equal(t, recent, said.atLeast(minimum))
		})
	}
	for _, text := range []string{"", "temporal", "temporal version 1.5", "99999999999.1.1"} {
		_, known := parseVersion(text)
		require.False(t, known, "%q has no version", text)
	}
}

func TestMinimumCLIVersionIsThePinnedOne(t *testing.T) {
	t.Parallel()
	pins, err := os.ReadFile(filepath.Join("..", "..", "tools", "temporal", "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(pins), "\tgithub.com/temporalio/cli v"+MinimumCLIVersion+" ")
}

func TestCLIOnThePathIsTakenIfItIsRecentEnough(t *testing.T) {
	t.Parallel()
	t.Run("recent", func(t *testing.T) {
		t.Parallel()
		folder := folderWithTemporal(t, `[ -z "$TWOCAPTCHA_API_KEY" ] && echo 'temporal version 1.9.1 (Server 1.31.0, UI 2.50.0)'`)
		found := play(t, roleFinder, nil, "PATH="+folder, "TWOCAPTCHA_API_KEY=a-client-key")
		require.Equal(t, filepath.Join(folder, "temporal")+"\n", found.line(t))
	})
	for name, text := range map[string]string{
		"too old": `echo 'temporal version 1.1.0 (Server 1.25.0, UI 2.30.0)'`,
		"broken":  `exit 1`,
		"other":   `echo 'a calendar'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, cache := folderWithTemporal(t, text), t.TempDir()
			// There is neither a CLI in the cache nor a go to build one.
			found := play(t, roleFinder, nil, "PATH="+folder, "HOME="+cache, "XDG_CACHE_HOME="+cache,
				"TEMPORAL_CLI_DOWNLOAD=off")
			output, err := io.ReadAll(found.output)
			require.NoError(t, err)
			require.Empty(t, string(output))
			require.Error(t, found.command.Wait())
			for _, said := range []string{folder + "/temporal is not used", "1.5.1 or later is needed", `"go"`, "set TEMPORAL_CLI"} {
				require.True(t, found.errors.Contains(said), "%q is said: %v", said, found.errors.Explain(os.ErrInvalid))
			}
			require.False(t, found.errors.Contains("download"))
		})
	}
}

func TestToolFolderIsFoundFromTheSourceOrTheWorkingDirectory(t *testing.T) {
	t.Parallel()
	clone := t.TempDir()
	tools, inside := filepath.Join(clone, "tools", "temporal"), filepath.Join(clone, "internal", "devserver")
	require.NoError(t, os.MkdirAll(tools, 0o700))
	require.NoError(t, os.MkdirAll(inside, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(clone, "go.mod"), []byte("module "+modulePath+"\n\ngo 1.26.0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(tools, "go.mod"), nil, 0o600))
	elsewhere := t.TempDir()

	found, err := toolFolder(filepath.Join(inside, "cli.go"), elsewhere)
	require.NoError(t, err)
	require.Equal(t, tools, found)

	found, err = toolFolder(modulePath+"/internal/devserver/cli.go", inside)
	require.NoError(t, err, "built with -trimpath, run inside the clone")
	require.Equal(t, tools, found)

	_, err = toolFolder(filepath.Join(elsewhere, "internal", "devserver", "cli.go"), elsewhere)
	require.ErrorContains(t, err, "set TEMPORAL_CLI")
	require.ErrorContains(t, err, "install temporal 1.5.1 or later")
}

// folderWithTemporal is a folder for the PATH, with a script named temporal.
func folderWithTemporal(t *testing.T, text string) string {
	t.Helper()
	path := script(t, text)
	folder := filepath.Dir(path)
	require.NoError(t, os.Rename(path, filepath.Join(folder, "temporal")))
	return folder
}
