package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// change is a piece of a source file, and what another build has in its place.
type change struct{ file, from, to string }

// buildWorker builds a worker whose sources have these changes, and returns its path.
func buildWorker(t *testing.T, changes ...change) string {
	t.Helper()
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	folder := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, c := range changes {
		source := readmeFile(t, c.file)
		require.Equal(t, 1, strings.Count(source, c.from), "%s has %q once", c.file, c.from)
		changed := filepath.Join(folder, strings.ReplaceAll(c.file, "/", "_"))
		require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(source, c.from, c.to, 1)), 0o600))
		overlay.Replace[filepath.Join(root, c.file)] = changed
	}
	encoded, err := json.Marshal(overlay)
	require.NoError(t, err)
	overlayFile := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, encoded, 0o600))
	path := filepath.Join(folder, "worker")
	build := exec.Command("go", "build", "-overlay", overlayFile, "-o", path, "./worker")
	build.Dir = root
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return path
}
