package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// MinSpacing is the service's rule: two requests for one task are never closer than this.
const MinSpacing = 5 * time.Second

// StartSimulator starts a simulated service that ends with the test.
func StartSimulator(t *testing.T) *simulator.Server {
	t.Helper()
	return StartSimulatorWith(t, simulator.Options{})
}

// StartSimulatorWith is StartSimulator with options. It sets the key and the ids of new tasks
// itself.
func StartSimulatorWith(t *testing.T, options simulator.Options) *simulator.Server {
	t.Helper()
	options.ClientKey, options.FirstTaskID = ClientKey, newTaskIDs()
	service, err := simulator.Start(options)
	require.NoError(t, err)
	t.Cleanup(service.Close)
	return service
}

// RequireSpaced requires that no two requests for a task were closer than MinSpacing.
func RequireSpaced(t *testing.T, service *simulator.Server, taskID int64) {
	t.Helper()
	requests := service.RequestsFor(taskID)
	for i := 1; i < len(requests); i++ {
		require.GreaterOrEqual(t, requests[i].Arrived.Sub(requests[i-1].Arrived), MinSpacing,
			"between the requests %d and %d for task %d", i, i+1, taskID)
	}
}
