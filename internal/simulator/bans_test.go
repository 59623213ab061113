package simulator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

func TestFiveWrongKeysAreBannedForTenMinutes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	server.Script(7, simulator.Processing())
	client := newClient(t, server)

	for range 2 {
		for range 5 {
			require.Equal(t, []string{processing}, client.bodies(7, 1))
			require.Equal(t, wrongKey, client.getTaskResultWith(t.Context(), "wrong", 7).body)
		}
		require.Equal(t, []string{blocked, blocked}, client.bodies(7, 2), "the right key is banned with the wrong one")
		require.Equal(t, blocked, client.getTaskResultWith(t.Context(), "wrong", 7).body)
		requests := server.Requests()
		require.Equal(t, "banned for 5 requests with a wrong key", requests[len(requests)-1].Refused)
		clock.advance(10*time.Minute - 1)
		require.Equal(t, []string{blocked}, client.bodies(7, 1))
		clock.advance(1)
	}
	require.Equal(t, []string{processing}, client.bodies(7, 1))
}

func TestWrongKeysCanGoUnpunished(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{WithoutWrongKeyBan: true})
	client := newClient(t, server)
	for range 20 {
		require.Equal(t, wrongKey, client.getTaskResultWith(t.Context(), "wrong", 7).body)
	}
}

func TestMoreRequestsThanThePollBudgetAreBannedForFiveMinutes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	server.Script(7, simulator.Processing())
	server.Script(8, simulator.Processing())
	client := newClient(t, server)
	client.transport.DisableKeepAlives = false

	for range 2*20 + 1200 {
		require.Equal(t, []string{processing}, client.bodies(7, 1))
	}
	require.Equal(t, []string{blocked}, client.bodies(7, 1))
	require.Equal(t, []string{blocked}, client.bodies(8, 1), "every task is banned")
	require.Equal(t, "banned for more than 1240 requests for 2 tasks", server.RequestsFor(8)[0].Refused)
	clock.advance(5*time.Minute - 1)
	require.Equal(t, []string{blocked}, client.bodies(7, 1))
	clock.advance(1)
	require.Equal(t, []string{processing, processing}, client.bodies(7, 2))
}

func TestPollBudgetCanBeUnlimited(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{WithoutPollBudget: true})
	client := newClient(t, server)
	client.transport.DisableKeepAlives = false
	for range 1201 {
		require.Equal(t, []string{noSuchTask}, client.bodies(7, 1))
	}
}

func TestAddressCanBeBanned(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	server.Script(7, simulator.Processing())
	client := newClient(t, server)
	server.Ban(time.Minute)
	require.Equal(t, []string{blocked}, client.bodies(7, 1))
	require.Equal(t, "banned by the test", server.RequestsFor(7)[0].Refused)
	clock.advance(time.Minute)
	require.Equal(t, []string{processing}, client.bodies(7, 1))
}

func TestKeysCanBeExchanged(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Processing())
	client := newClient(t, server)
	server.AcceptKeys("one", "two")
	for _, key := range []string{"one", "two"} {
		require.Equal(t, processing, client.getTaskResultWith(t.Context(), key, 7).body)
	}
	require.Equal(t, []string{wrongKey}, client.bodies(7, 1))
	require.False(t, server.RequestsFor(7)[2].KeyRight)
}
