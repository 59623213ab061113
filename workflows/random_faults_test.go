package workflows_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var faultsFlag = flag.Bool("schedules.faults", false,
	"have TestRandomSchedulesFindFaults run the random schedules on each fault, about a minute, rather than only apply its patch")

// TestRandomSchedulesFindFaults proves that random schedules find what they are there for: each
// patch in testdata/faults puts a fault back into the code, and TestRandomSchedules must fail with
// it. Without -schedules.faults, it only shows that the patches still fit the code.
func TestRandomSchedulesFindFaults(t *testing.T) {
	t.Parallel()
	patches, err := filepath.Glob("testdata/faults/*.patch")
	require.NoError(t, err)
	require.NotEmpty(t, patches)
	for _, patch := range patches {
		name := strings.TrimSuffix(filepath.Base(patch), ".patch")
		t.Run(name, func(t *testing.T) {
			if !*faultsFlag {
				t.Parallel()
			}
			overlay := overlayOf(t, patch)
			if !*faultsFlag {
				t.Logf("it fits the code; to see the schedules find it: go test ./workflows -run '^%s$' -v -schedules.faults",
					strings.ReplaceAll(t.Name(), "/", "$/^"))
				return
			}
			output, err := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-run", "^TestRandomSchedules$",
				"-rapid.nofailfile", "-rapid.shrinktime=0s", ".").CombinedOutput()
			require.Error(t, err, "2,000 random schedules do not find this fault:\n%s", output)
			found := regexp.MustCompile(`\[rapid\] failed after \d+ tests: .*`).Find(output)
			require.NotNil(t, found, "it fails by something else:\n%s", output)
			t.Logf("%s", found)
		})
	}
}

// overlayOf applies the patch to copies of the files that it changes, and returns what has go build
// those in their place.
func overlayOf(t *testing.T, patch string) string {
	t.Helper()
	content, err := os.ReadFile(patch)
	require.NoError(t, err)
	patch, err = filepath.Abs(patch)
	require.NoError(t, err)
	module, err := filepath.Abs("..")
	require.NoError(t, err)
	copies := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, change := range regexp.MustCompile(`(?m)^\+\+\+ b/(\S+)$`).FindAllStringSubmatch(string(content), -1) {
		file := filepath.FromSlash(change[1])
		original, err := os.ReadFile(filepath.Join(module, file))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(copies, filepath.Dir(file)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(copies, file), original, 0o600))
		overlay.Replace[filepath.Join(module, file)] = filepath.Join(copies, file)
	}
	require.NotEmpty(t, overlay.Replace, "%s changes no file", patch)

	apply := exec.Command("git", "apply", patch)
	apply.Dir = copies
	apply.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(copies)) // the copies are in no repository
	output, err := apply.CombinedOutput()
	require.NoError(t, err, "the patch does not fit the code any more; make it anew, with the same fault:\n%s", output)
	encoded, err := json.Marshal(overlay)
	require.NoError(t, err)
	path := filepath.Join(copies, "overlay.json")
	require.NoError(t, os.WriteFile(path, encoded, 0o600))
	return path
}
