package simulator_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// faultsMet runs 20 requests for each of these tasks, task by task in the given order, with a fifth
// of them failing, and returns the names of the answers by task.
func faultsMet(t *testing.T, seed uint64, tasks []int64) map[int64][]string {
	t.Helper()
	server := start(t, simulator.Options{})
	server.Faults(seed, 0.2, simulator.Status(500, ""), simulator.HTMLPage(), simulator.TruncatedJSON())
	client := newClient(t, server)
	client.transport.DisableKeepAlives = false
	met := make(map[int64][]string)
	for _, taskID := range tasks {
		server.Script(taskID, simulator.Ready(`{}`))
		client.bodies(taskID, 20)
		for _, request := range server.RequestsFor(taskID) {
			met[taskID] = append(met[taskID], request.Answer)
			require.Equal(t, request.Answer != "ready", request.Faulted)
		}
	}
	return met
}

func TestFaultsAreTheSameWithTheSameSeed(t *testing.T) {
	t.Parallel()
	var tasks []int64
	for taskID := range int64(50) {
		tasks = append(tasks, taskID+1)
	}
	first := faultsMet(t, 1, tasks)

	counts := make(map[string]int)
	for _, answers := range first {
		for _, answer := range answers {
			counts[answer]++
		}
	}
	require.InDelta(t, 800, counts["ready"], 50, "four fifths of 1000 requests: %v", counts)
	for _, fault := range []string{"status 500", "HTML page", "truncated JSON"} {
		require.InDelta(t, 67, counts[fault], 30, "a third of the faults: %v", counts)
	}
	require.NotEqual(t, first[1], first[2], "each task has faults of its own")

	slices.Reverse(tasks)
	require.Equal(t, first, faultsMet(t, 1, tasks), "the order of the tasks changes nothing")
	require.NotEqual(t, first, faultsMet(t, 2, tasks), "another seed has other faults")
}

func TestFaultsLeaveTheScriptAlone(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Body("one"), simulator.Body("two"))
	client := newClient(t, server)

	server.Faults(1, 1, simulator.Body("fault"))
	require.Equal(t, []string{"fault", "fault", "fault"}, client.bodies(7, 3))
	require.Equal(t, []string{"fault"}, client.bodies(8, 1), "an unknown task meets them too")
	require.Equal(t, wrongKey, client.getTaskResultWith(t.Context(), "wrong", 7).body, "a refused request meets none")
	server.Faults(1, 0, simulator.Body("fault"))
	require.Equal(t, []string{"one"}, client.bodies(7, 1))
	server.Faults(1, 1)
	require.Equal(t, []string{"two"}, client.bodies(7, 1))
}
