package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// TestFairnessKeysLetTenantsTakeTurns has one tenant start many waits, and then another one a few,
// while the worker may send few requests a second.
func TestFairnessKeysLetTenantsTakeTurns(t *testing.T) {
	t.Parallel()
	const (
		burst = 60
		few   = 3
		limit = "2"
	)
	server := harness.StartServer(t, devserver.Options{DynamicConfig: []string{
		"matching.enableFairness=true",
		// One partition, since each has a queue of its own.
		"matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1",
	}})
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	address := "TEMPORAL_ADDRESS=" + server.Address()
	start := func(tenant string, count int) []int64 {
		var ids []int64
		var lines strings.Builder
		for range count {
			taskID := harness.NewTaskID()
			service.Script(taskID, simulator.Ready(`{}`))
			ids = append(ids, taskID)
			lines.WriteString(strconv.FormatInt(taskID, 10) + "\n")
		}
		done := harness.StartProcess(t, harness.Command{
			Path: harness.StarterPath(), Input: strings.NewReader(lines.String()), Environment: []string{address},
			Arguments: []string{"--task-queue", taskQueue, "--fairness-key", tenant, "--initial-delay", "1ms", "--detach", "-"},
		}).Wait(t)
		require.Equal(t, 0, done.Status, done.Stderr)
		return ids
	}
	harness.StartWorkerWith(t, []string{address, "TWOCAPTCHA_API_KEY=" + harness.ClientKey}, taskQueue, service.URL(),
		"--max-requests-per-second", limit)

	start("many", burst)
	require.Eventually(t, func() bool { return len(service.Requests()) > 0 }, harness.Patience, 10*time.Millisecond)
	for _, taskID := range start("few", few) {
		require.NoError(t, service.WaitForRequests(harness.Context(t), taskID, 1))
	}
	sent := len(service.Requests())
	require.Less(t, sent, burst, "the other tenant's tasks had their turn when %d requests had been sent", sent)
}
