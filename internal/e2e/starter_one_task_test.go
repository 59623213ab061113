package e2e

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

func TestOneTaskReadyAtItsFirstPoll(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	harness.StartWorker(t, taskQueue, service.URL())

	done := harness.RunStarter(t, taskQueue, strconv.FormatInt(taskID, 10))

	require.Equal(t, 0, done.Status, done.Stderr)
	var result map[string]any
	require.NoError(t, json.Unmarshal([]byte(strings.TrimSpace(done.Stdout)), &result))
	require.Equal(t, "ready", result["status"])
	require.Len(t, service.RequestsFor(taskID), 1)
}
