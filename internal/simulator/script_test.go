package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

func TestConsecutiveRequestsGetConsecutiveAnswersAndTheLastStays(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Processing(), simulator.Body("one"), simulator.Body("two"))
	server.Script(8, simulator.Body("other"))
	server.Script(9)
	client := newClient(t, server)

	require.Equal(t, []string{processing, "one"}, client.bodies(7, 2))
	require.Equal(t, []string{"other", "other"}, client.bodies(8, 2), "tasks don't share their scripts")
	require.Equal(t, []string{"two", "two", "two"}, client.bodies(7, 3))
	require.Equal(t, []string{processing, processing}, client.bodies(9, 2), "a task without answers is processing")
}

func TestRefusedRequestsLeaveTheScriptAlone(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Body("one"), simulator.Body("two"))
	client := newClient(t, server)

	require.Equal(t, wrongKey, client.getTaskResultWith(t.Context(), "wrong", 7).body)
	require.Equal(t, 415, client.do(client.request(t.Context(), "POST", "/getTaskResult", "text/plain",
		fmt.Sprintf(`{"clientKey":%q,"taskId":7}`, clientKey))).status)
	require.Equal(t, []string{"one", "two"}, client.bodies(7, 2))
}

func TestOutcomeAfterAWhile(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	client := newClient(t, server)
	server.Script(7,
		simulator.ReadyAfter(20*time.Second, `{}`),
		simulator.ErrorAfter(30*time.Second, "ERROR_CAPTCHA_UNSOLVABLE").WithHTTPStatus(400),
		simulator.Body("last"),
	)

	clock.advance(20*time.Second - 1)
	require.Equal(t, []string{processing, processing}, client.bodies(7, 2))
	clock.advance(1)
	require.Equal(t, []string{fmt.Sprintf(readyFormat, `{}`, 1692863536, 1692863556)}, client.bodies(7, 1))
	require.Equal(t, []string{processing, processing}, client.bodies(7, 2), "the second outcome isn't due yet")
	require.Equal(t, 200, client.getTaskResult(7).status, "the outcome's status comes with the outcome")
	clock.advance(10 * time.Second)
	answer := client.getTaskResult(7)
	require.Equal(t, unsolvable, answer.body)
	require.Equal(t, 400, answer.status)
	require.Equal(t, []string{"last", "last"}, client.bodies(7, 2))
}

func TestResultLivesFifteenMinutes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	client := newClient(t, server)
	ready := fmt.Sprintf(readyFormat, `{}`, 1692863536, 1692863536)
	server.Script(7, simulator.Ready(`{}`))
	server.Script(8, simulator.ReadyAfter(16*time.Minute, `{}`))
	server.Script(9, simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))

	clock.advance(15 * time.Minute)
	require.Equal(t, []string{ready}, client.bodies(7, 1))
	clock.advance(time.Second)
	require.Equal(t, []string{noSuchTask, noSuchTask}, client.bodies(7, 2))
	require.Equal(t, "ERROR_NO_SUCH_CAPCHA_ID", server.RequestsFor(7)[1].Answer)
	require.Equal(t, []string{processing}, client.bodies(8, 1))
	clock.advance(time.Minute)
	require.Equal(t, []string{noSuchTask}, client.bodies(8, 1), "it was solved too late to be fetched")
	require.Equal(t, []string{unsolvable}, client.bodies(9, 1), "only a result expires")
	require.Equal(t, []string{noSuchTask}, client.bodies(10, 1), "an id that never was has the same error")

	server.Script(7, simulator.Ready(`{}`))
	require.Equal(t, []string{fmt.Sprintf(readyFormat, `{}`, 1692864497, 1692864497)}, client.bodies(7, 1),
		"a script of its own submits the task anew")
}

func TestLifetimeOfResultsCanBeSet(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now, ResultLifetime: time.Second})
	server.Script(7, simulator.Ready(`{}`))
	clock.advance(time.Second + 1)
	require.Equal(t, []string{noSuchTask}, newClient(t, server).bodies(7, 1))
}
