package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/chaos"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const repository = "../.."

// The README's own values. Its blocks are run with others in their place.
const (
	readmeTaskID      = "74372499131"
	readmeOtherTaskID = "74372499132"
	readmeKey         = "your-client-key"
	readmeKeyFile     = "/run/secrets/2captcha"
	readmeSecretFile  = "/run/secrets/2captcha-callback"
	readmeAddress     = "localhost:7233"
	readmeListens     = "TWOCAPTCHA_CALLBACK_ADDRESS=:8080"
)

// TestReadmeGo compiles every block of Go, each a file of a package of its own, within this module.
func TestReadmeGo(t *testing.T) {
	t.Parallel()
	blocks := readmeBlocks(t, "go")
	require.Len(t, blocks, 4)
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	var packages []string
	for i, block := range blocks {
		source := filepath.Join(t.TempDir(), "block.go")
		require.NoError(t, os.WriteFile(source, []byte(block), 0o600))
		folder := fmt.Sprintf("internal/e2e/readme%d", i)
		overlay.Replace[filepath.Join(root, folder, "block.go")] = source
		packages = append(packages, "./"+folder)
	}
	overlayFile := filepath.Join(t.TempDir(), "overlay.json")
	content, err := json.Marshal(overlay)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlayFile, content, 0o600))

	build := exec.Command("go", append([]string{"build", "-overlay", overlayFile}, packages...)...)
	build.Dir = root
	output, err := build.CombinedOutput()
	require.NoError(t, err, "a Go block of the README does not compile:\n%s", output)
}

// TestReadmeShell runs every block of shell commands, in order, against a simulated service.
func TestReadmeShell(t *testing.T) {
	t.Parallel()
	blocks := readmeBlocks(t, "sh")
	require.Len(t, blocks, 10, "each block has its check below")
	demo, tests, dev, worker, starter, cli := blocks[0], blocks[1], blocks[2], blocks[3], blocks[4], blocks[5]
	callbacks, callbackURL, bench, chaosRun := blocks[6], blocks[7], blocks[8], blocks[9]

	service, err := simulator.Start(simulator.Options{ClientKey: readmeKey})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	keyFile := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(keyFile, []byte(readmeKey+"\n"), 0o600))
	secretFile := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secretFile, []byte("a secret of 32 random characters"), 0o600))
	tools := t.TempDir()
	cliPath, err := exec.LookPath(harness.CLI())
	require.NoError(t, err)
	cliPath, err = filepath.Abs(cliPath)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(cliPath, filepath.Join(tools, "temporal")))

	// shell starts a block with two tasks of its own that are ready at their first poll.
	shell := func(t *testing.T, block string, environment ...string) *harness.Process {
		taskID, otherTaskID := harness.NewTaskID(), harness.NewTaskID()
		service.Script(taskID, simulator.Ready(`{"token":"abc"}`))
		service.Script(otherTaskID, simulator.Ready(`"8"`))
		block = strings.NewReplacer(
			readmeTaskID, fmt.Sprint(taskID), readmeOtherTaskID, fmt.Sprint(otherTaskID),
			readmeSecretFile, secretFile, readmeKeyFile, keyFile,
			readmeListens, "TWOCAPTCHA_CALLBACK_ADDRESS=127.0.0.1:0", readmeAddress, harness.Address(),
			"go run ./worker", "exec "+harness.WorkerPath(), // go run would leave its worker behind
		).Replace(block)
		return harness.StartProcess(t, harness.Command{
			Path: "/bin/sh", Arguments: []string{"-e", "-c", "cd " + repository + "\n" + block},
			Environment: append([]string{
				"PATH=" + tools + ":" + os.Getenv("PATH"), "TEMPORAL_CLI=" + cliPath, "TWOCAPTCHA_API_URL=" + service.URL(),
			}, environment...),
		})
	}

	t.Run("the demo", func(t *testing.T) {
		t.Parallel()
		done := shell(t, demo).Wait(t)
		require.Equal(t, 0, done.Status, done.Stderr)
		require.Contains(t, done.Stderr, "Web UI: http://127.0.0.1:")
		require.Equal(t, outcomes(t, readmeBlocks(t, "json")[0]), outcomes(t, done.Stdout),
			"the README shows another run")
	})
	t.Run("the tests", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "go test ./...\n", tests, "this test is part of it")
		ci, err := os.ReadFile(filepath.Join(repository, ".ci/run"))
		require.NoError(t, err)
		require.Contains(t, string(ci), "go test -race ./...", "the command, with the race detector")
	})
	t.Run("the chaos run", func(t *testing.T) {
		t.Parallel()
		// It takes minutes; its short form is a test of its own.
		require.Equal(t, chaos.Command(true, 1)+"\n", chaosRun)
	})
	t.Run("the benchmark", func(t *testing.T) {
		t.Parallel()
		// Either takes more than 10 minutes; package bench has tests of both.
		require.Equal(t, "go run ./bench\ngo run ./bench --scale\n", bench)
	})
	t.Run("a dev server", func(t *testing.T) {
		t.Parallel()
		goCache, err := exec.Command("go", "env", "GOCACHE").Output()
		require.NoError(t, err)
		done := shell(t, dev, "XDG_CACHE_HOME="+t.TempDir(), "GOCACHE="+strings.TrimSpace(string(goCache))).Wait(t)
		require.Equal(t, 0, done.Status, done.Stderr)
		require.Contains(t, done.Stdout, `"solution":{"token":"abc"}`)
	})
	t.Run("a worker that takes callbacks", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, callbacks, readmeListens)
		process := shell(t, callbacks)
		process.WaitForOutput(t, "callbacks are taken")
		process.WaitForOutput(t, "worker started")
	})
	t.Run("an address for callbacks", func(t *testing.T) {
		t.Parallel()
		done := shell(t, callbackURL).Wait(t)
		require.Equal(t, 0, done.Status, done.Stderr)
		require.Regexp(t, `^https://captcha\.example\.com/hooks/\S+\n$`, done.Stdout)
	})
	t.Run("a worker", func(t *testing.T) {
		t.Parallel()
		process := shell(t, worker)
		process.WaitForOutput(t, "worker started")
		t.Run("the starter", func(t *testing.T) {
			done := shell(t, starter, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"solution":"8"`)
		})
		t.Run("the Temporal CLI", func(t *testing.T) {
			done := harness.UnlessBusy(func() harness.Finished {
				return shell(t, cli, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			})
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"state":"ready"`)
		})
	})
}

// TestReadmeJSON checks that every block of JSON is JSON and names only properties that exist.
func TestReadmeJSON(t *testing.T) {
	t.Parallel()
	blocks := readmeBlocks(t, "json")
	require.Len(t, blocks, 3)
	require.Len(t, outcomes(t, blocks[0]), 4)
	var in workflows.AwaitTaskResultInput
	require.NoError(t, json.Unmarshal([]byte(blocks[1]), &in))
	require.NoError(t, in.Validate())
	output := json.NewDecoder(strings.NewReader(blocks[2]))
	output.DisallowUnknownFields()
	require.NoError(t, output.Decode(new(workflows.AwaitTaskResultOutput)))
}

// readmeBlocks returns the README's code blocks of a language.
func readmeBlocks(t *testing.T, language string) []string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	fences := regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1)
	var blocks []string
	for _, fence := range fences {
		require.Contains(t, []string{"go", "sh", "json"}, fence[1], "a block that no test looks at:\n%s", fence[2])
		if fence[1] == language {
			blocks = append(blocks, fence[2])
		}
	}
	return blocks
}

// outcomes are the demo's objects by task, without times, which are another run's, and without
// polls, which are fewer if a busy machine makes them late.
func outcomes(t *testing.T, lines string) map[string]map[string]any {
	t.Helper()
	byTask := map[string]map[string]any{}
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		delete(object, "createTime")
		delete(object, "endTime")
		delete(object, "polls")
		byTask[fmt.Sprint(object["workflowId"])] = object
	}
	return byTask
}
