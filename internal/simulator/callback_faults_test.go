package simulator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// callbacksMet submits 300 tasks, of which a third meets faults, and returns the kinds of their
// callbacks by task.
func callbacksMet(t *testing.T, seed uint64) [][]string {
	t.Helper()
	endpoint, server := newEndpoint(t), start(t, simulator.Options{})
	server.CallbackFaults(seed, 1.0/3,
		[]simulator.Callback{{Kind: simulator.Lost}},
		[]simulator.Callback{{}, {}},
		[]simulator.Callback{{Kind: simulator.BrokenMAC}},
	)
	met := make([][]string, 300)
	for i := range met {
		taskID := server.Submit(simulator.Submission{
			CallbackURL: endpoint.url("/"), Answers: []simulator.Answer{simulator.Ready(`"8"`)},
		})
		require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 1))
		delivery := server.CallbacksFor(taskID)[0]
		if delivery.Callback.Kind == simulator.Genuine {
			continue // one of one, or one of two
		}
		met[i] = append(met[i], delivery.Callback.Kind.String())
	}
	server.Close()
	for _, delivery := range server.Callbacks() {
		if delivery.Repeat {
			met[delivery.TaskID-72345678901] = append(met[delivery.TaskID-72345678901], "repeat")
		}
	}
	return met
}

func TestCallbackFaultsAreTheSameWithTheSameSeed(t *testing.T) {
	t.Parallel()
	first := callbacksMet(t, 1)
	counts := make(map[string]int)
	for _, kinds := range first {
		for _, kind := range kinds {
			counts[kind]++
		}
	}
	for _, kind := range []string{"lost", "repeat", "broken MAC"} {
		require.InDelta(t, 33, counts[kind], 20, "a third of the faults: %v", counts)
	}
	require.Equal(t, first, callbacksMet(t, 1))
	require.NotEqual(t, first, callbacksMet(t, 2), "another seed has other faults")
}

func TestCallbackFaultsTakeTheScriptsPlace(t *testing.T) {
	t.Parallel()
	endpoint, server := newEndpoint(t), start(t, simulator.Options{})
	kind := func() string {
		taskID := server.Submit(simulator.Submission{
			CallbackURL: endpoint.url("/"), Callbacks: []simulator.Callback{{Kind: simulator.UnknownTask}},
			Answers: []simulator.Answer{simulator.Ready(`"8"`)},
		})
		require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 1))
		return server.CallbacksFor(taskID)[0].Callback.Kind.String()
	}
	require.Equal(t, "unknown task", kind())
	server.CallbackFaults(1, 1, []simulator.Callback{{Kind: simulator.Lost}})
	require.Equal(t, "lost", kind())
	server.CallbackFaults(1, 0, []simulator.Callback{{Kind: simulator.Lost}})
	require.Equal(t, "unknown task", kind())
	server.CallbackFaults(1, 1)
	require.Equal(t, "unknown task", kind())
}
