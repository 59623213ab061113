package simulator_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

const textTask = `"task":{"type":"TextCaptchaTask"}`

// call sends a request of another method, with the right key and these other properties.
func (c *client) call(method, properties string) string {
	c.t.Helper()
	body := fmt.Sprintf(`{"clientKey":%q%s}`, clientKey, properties)
	answer := c.do(c.request(c.t.Context(), http.MethodPost, "/"+method, "application/json", body))
	require.NoError(c.t, answer.err)
	return answer.body
}

func TestCreatedTasksAreChargedAndRefunded(t *testing.T) {
	t.Parallel()
	ends := []simulator.Answer{simulator.Ready(`"8"`), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), simulator.Processing()}
	server := start(t, simulator.Options{Balance: "0.0075", NewTask: func(simulator.NewTask) simulator.Submission {
		end := ends[0]
		ends = ends[1:]
		return simulator.Submission{Answers: []simulator.Answer{end}}
	}})
	client := newClient(t, server)
	require.Equal(t, `{"errorId":0,"balance":0.00750}`, client.call("getBalance", ""))
	for range 2 {
		require.Contains(t, client.createTask(textTask).body, `"taskId":`)
	}
	require.Equal(t, `{"errorId":0,"balance":0.00152}`, client.call("getBalance", ""))
	require.Contains(t, client.createTask(textTask).body, "ERROR_ZERO_BALANCE")
	require.Len(t, server.Purchases(), 2)

	client.bodies(72345678901, 2)
	require.Equal(t, "0.00152", server.Balance(), "a solved task is paid for")
	require.Equal(t, []string{unsolvable, unsolvable}, client.bodies(72345678902, 2))
	require.Equal(t, "0.00451", server.Balance(), "an unsolvable one is given back, once")
}

func TestBalanceThatIsNotADecimal(t *testing.T) {
	t.Parallel()
	for _, balance := range []string{"-1", "1e3", "0.123456", ".5", "x"} {
		_, err := simulator.Start(simulator.Options{ClientKey: clientKey, Balance: balance})
		require.ErrorContains(t, err, "must be a decimal", balance)
	}
}

func TestCreateTaskThatIsRefused(t *testing.T) {
	t.Parallel()
	refused := simulator.Error("ERROR_NO_SLOT_AVAILABLE")
	server := start(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		return simulator.Submission{Refused: &refused}
	}})
	client := newClient(t, server)
	require.Contains(t, client.createTask(textTask).body, `"errorId":2,"errorCode":"ERROR_NO_SLOT_AVAILABLE"`)
	require.Empty(t, server.Purchases())
	require.Equal(t, "10000.00000", server.Balance())
	require.Zero(t, server.Requests()[0].Created)
}

func TestAnswerThatIsLostAfterThePurchase(t *testing.T) {
	t.Parallel()
	endpoint := newEndpoint(t)
	lost := simulator.DroppedConnection()
	server := start(t, simulator.Options{NewTask: func(simulator.NewTask) simulator.Submission {
		return simulator.Submission{CreateAnswer: &lost, Answers: []simulator.Answer{simulator.Ready(`"8"`)}}
	}})
	client := newClient(t, server)

	require.Error(t, client.createTask(textTask+`,"callbackUrl":"`+endpoint.url("/token")+`"`).err)

	purchases := server.Purchases()
	require.Len(t, purchases, 1)
	require.Equal(t, int64(72345678901), purchases[0].TaskID)
	require.Equal(t, "TextCaptchaTask", purchases[0].Task.Type)
	require.Equal(t, int64(72345678901), server.Requests()[0].Created)
	require.NoError(t, server.WaitForCallbacks(inTime(t), 72345678901, 1))
	require.Equal(t, []string{"POST /token id=72345678901&code=8"}, endpoint.requests())
}

func TestReportsAreTakenOnceAndInTime(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	client := newClient(t, server)
	server.Script(7, simulator.Ready(`"8"`))
	server.Script(8, simulator.Ready(`"8"`))
	const success = `{"errorId":0,"status":"success"}`
	require.Equal(t, success, client.call("reportCorrect", `,"taskId":7`))
	require.Contains(t, client.call("reportIncorrect", `,"taskId":7`), "ERROR_DUPLICATE_REPORT")
	clock.advance(15 * time.Minute)
	require.Equal(t, success, client.call("reportIncorrect", `,"taskId":8`))
	clock.advance(time.Second)
	require.Equal(t, noSuchTask, client.call("reportIncorrect", `,"taskId":8`))
	require.Equal(t, noSuchTask, client.call("reportCorrect", `,"taskId":9`))
	require.Empty(t, server.RequestsFor(7), "a report is not a poll")
	require.Equal(t, int64(7), server.Requests()[0].Reported)
	require.Equal(t, "400 Bad Request", client.call("reportCorrect", ""))
}

func TestBalanceRequestsCountInThePollBudget(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	client := newClient(t, server)
	for range 1200 {
		require.Contains(t, client.call("getBalance", ""), `"balance"`)
	}
	require.Equal(t, blocked, client.call("getBalance", ""))
}
