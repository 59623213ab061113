package e2e

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestExampleEncryption runs the example on a Temporal server of its own, whose histories nobody
// replays without the key.
func TestExampleEncryption(t *testing.T) {
	t.Parallel()
	service := serviceOf(t, ready(`{"text":"a-secret-solution"}`))
	server := harness.StartServer(t, devserver.Options{})
	done := runExampleEncryption(t, server, service)
	require.Equal(t, 0, done.Status, done.Stderr)
	require.Equal(t, `{"text":"a-secret-solution"}`+"\n", done.Stdout)
	require.Contains(t, string(service.Purchases()[0].Task.Task), "Saturday", "the service gets the task in the clear")

	temporalClient := harness.DialWith(t, client.Options{HostPort: server.Address()})
	history, err := harness.History(harness.Context(t), temporalClient, workflows.SolveWorkflowID("encryption-example"), "", false)
	require.NoError(t, err)
	require.NotEmpty(t, history.GetEvents())
	for _, event := range history.GetEvents() {
		bytesOfEvent, err := event.Marshal()
		require.NoError(t, err)
		require.False(t, bytes.Contains(bytesOfEvent, []byte("Saturday")), "the task: %v", event)
		require.False(t, bytes.Contains(bytesOfEvent, []byte("a-secret-solution")), "the solution: %v", event)
	}
}

func TestExampleEncryptionOfAnUnsolvableTask(t *testing.T) {
	t.Parallel()
	done := runExampleEncryption(t, harness.StartServer(t, devserver.Options{}), serviceOf(t, unsolvable))
	require.Equal(t, 1, done.Status, done.Stdout)
	require.Contains(t, done.Stderr, " ERROR_CAPTCHA_UNSOLVABLE: ")
}

func runExampleEncryption(t *testing.T, server *devserver.Server, service *simulator.Server) harness.Finished {
	t.Helper()
	return runExample(t, buildExample(t, "encryption"), []string{
		"TEMPORAL_ADDRESS=" + server.Address(), "TWOCAPTCHA_API_KEY=" + harness.ClientKey,
		"TWOCAPTCHA_API_URL=" + service.URL(), "PAYLOAD_KEY=" + strings.Repeat("0f", 32),
	})
}
