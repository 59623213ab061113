package simulator_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

func TestRequestsAreRecorded(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	server.Script(7, simulator.Processing(), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE").WithHTTPStatus(400))
	client := newClient(t, server)

	submitted := clock.now()
	request := client.request(t.Context(), "POST", "/getTaskResult", "application/json",
		fmt.Sprintf(`{"clientKey":%q,"taskId":7}`, clientKey))
	request.Header.Set("User-Agent", "temporal-2captcha/test")
	require.NoError(t, client.do(request).err)
	clock.advance(5 * time.Second)
	client.getTaskResultWith(t.Context(), "another key", 8)
	client.do(client.request(t.Context(), "GET", "/?key="+clientKey, "", ""))
	clock.advance(5 * time.Second)
	client.getTaskResult(7)

	host := server.Address()
	want := []simulator.Request{
		{TaskID: 7, TaskRequest: 1, Method: "POST", Path: "/getTaskResult", Host: host, UserAgent: "temporal-2captcha/test",
			ContentType: "application/json", KeyRight: true, Arrived: submitted, Finished: submitted,
			Answer: "processing", HTTPStatus: 200},
		{TaskID: 8, TaskRequest: 1, Method: "POST", Path: "/getTaskResult", Host: host, UserAgent: "Go-http-client/1.1",
			ContentType: "application/json", Arrived: submitted.Add(5 * time.Second), Finished: submitted.Add(5 * time.Second),
			Answer: "ERROR_KEY_DOES_NOT_EXIST", HTTPStatus: 200, Refused: "wrong client key"},
		{Method: "GET", Path: "/", Host: host, UserAgent: "Go-http-client/1.1",
			Arrived: submitted.Add(5 * time.Second), Finished: submitted.Add(5 * time.Second),
			Answer: "status 404", HTTPStatus: 404, Refused: "path / is not a method of the API"},
		{TaskID: 7, TaskRequest: 2, Method: "POST", Path: "/getTaskResult", Host: host, UserAgent: "Go-http-client/1.1",
			ContentType: "application/json", KeyRight: true,
			Arrived: submitted.Add(10 * time.Second), Finished: submitted.Add(10 * time.Second),
			Answer: "ERROR_CAPTCHA_UNSOLVABLE", HTTPStatus: 400},
	}
	require.Equal(t, want, server.Requests())
	require.Equal(t, []simulator.Request{want[0], want[3]}, server.RequestsFor(7))
	require.Empty(t, server.RequestsFor(0), "a request without a task id is not a request for task 0")
	require.Empty(t, server.RequestsFor(9))
	require.NotContains(t, fmt.Sprintf("%+v", server.Requests()), clientKey)

	server.Requests()[0].Answer = "changed"
	server.RequestsFor(7)[0].Answer = "changed"
	require.Equal(t, want, server.Requests(), "what is returned are copies")
}

func TestWaitForRequests(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Stalled(0))
	client := newClient(t, server)

	require.NoError(t, server.WaitForRequests(t.Context(), 7, 0))
	waited := make(chan error, 1)
	go func() { waited <- server.WaitForRequests(inTime(t), 7, 2) }()
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	for range 2 {
		go client.getTaskResultWith(ctx, clientKey, 7)
	}
	require.NoError(t, <-waited)
	require.Len(t, server.RequestsFor(7), 2)

	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, server.WaitForRequests(ended, 7, 3), context.Canceled)
	require.EqualError(t, server.WaitForRequests(ended, 7, 3), "fake 2captcha: 2 of 3 requests for task 7: context canceled")
	require.EqualError(t, server.WaitForAnswers(ended, 7, 1), "fake 2captcha: 0 of 1 answers for task 7: context canceled")

	go func() { waited <- server.WaitForRequests(inTime(t), 7, 3) }()
	server.Close()
	require.EqualError(t, <-waited, "fake 2captcha: closed with 2 of 3 requests for task 7")
	require.NoError(t, server.WaitForAnswers(t.Context(), 7, 2), "Close ended both")
}

func TestRequestsThatAreTooClose(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	client := newClient(t, server)

	client.getTaskResult(7)
	client.do(client.request(t.Context(), "GET", "/", "", ""))
	clock.advance(3 * time.Second)
	client.do(client.request(t.Context(), "GET", "/", "", ""))
	client.getTaskResult(8)
	clock.advance(2 * time.Second)
	client.getTaskResult(7)
	require.Empty(t, server.CloserThan(5*time.Second), "5 s apart is not closer than 5 s, nor are different tasks compared")

	clock.advance(2 * time.Second)
	client.getTaskResultWith(t.Context(), "wrong", 8)
	clock.advance(time.Second)
	client.getTaskResult(7)
	requests := server.Requests()
	pairs := server.CloserThan(5 * time.Second)
	require.Equal(t, []simulator.Pair{
		{First: requests[3], Second: requests[5]},
		{First: requests[4], Second: requests[6]},
	}, pairs)
	require.Equal(t, 4*time.Second, pairs[0].Spacing())
	require.Equal(t, 3*time.Second, pairs[1].Spacing())
}

func TestConnectionsShowWhetherTheyAreReused(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Processing())
	client := newClient(t, server)
	require.Zero(t, server.Connections())

	client.bodies(7, 3)
	require.Equal(t, 3, server.Connections())
	client.transport.DisableKeepAlives = false
	client.bodies(7, 5)
	require.Equal(t, 4, server.Connections())
}
