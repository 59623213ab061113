package e2e

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

func TestOneTaskReadyAtItsFirstPoll(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := startSimulator(t), newTaskQueue(), newTaskID()
	service.Script(taskID, simulator.Ready(`{"text":"abc"}`))
	startWorker(t, taskQueue, service.URL())

	done := runStarter(t, taskQueue, strconv.FormatInt(taskID, 10))

	require.Equal(t, 0, done.status, done.stderr)
	var result map[string]any
	require.NoError(t, json.Unmarshal([]byte(strings.TrimSpace(done.stdout)), &result))
	require.Equal(t, "ready", result["status"])
	require.Len(t, service.RequestsFor(taskID), 1)
}
