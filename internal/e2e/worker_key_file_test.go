package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// TestRotatedKeyFile has the key in a file that changes under a running worker, as a mounted secret
// does.
func TestRotatedKeyFile(t *testing.T) {
	t.Parallel()
	const formerKey = "former0c1ientkey0f0e2e0former0c1"
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	refused, ready, late := harness.NewTaskID(), harness.NewTaskID(), harness.NewTaskID()
	for _, taskID := range []int64{refused, ready, late} {
		service.Script(taskID, simulator.Ready(`{}`))
	}
	keyFile := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(keyFile, []byte(formerKey+"\n"), 0o600))
	worker := harness.StartWorkerWith(t, []string{"TWOCAPTCHA_API_KEY_FILE=" + keyFile}, taskQueue, service.URL())

	done := harness.RunStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(refused, 10))
	require.Equal(t, 1, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"errorCode":"ERROR_KEY_DOES_NOT_EXIST"`)
	require.Len(t, service.RequestsFor(refused), 1, "five requests with a wrong key are a ban")

	replaceFile(t, keyFile, harness.ClientKey)
	done = harness.RunStarter(t, taskQueue, "--initial-delay", "1ms", strconv.FormatInt(ready, 10))
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Contains(t, done.Stdout, `"status":"ready"`)

	// Without the file the last good key stays.
	require.NoError(t, os.Remove(keyFile))
	run := harness.StartWait(t, temporalClient, taskQueue, harness.Soon(late))
	require.NoError(t, run.Get(harness.Context(t), nil))
	require.Contains(t, worker.Stderr(), "the client key file is not usable: the last good key stays in use for 10 minutes")

	require.NotContains(t, worker.Stderr(), formerKey)
	harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID())
}

// replaceFile puts another file in the place of one, which is never half written.
func replaceFile(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(content), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}
