package simulator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

func TestOptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	taken := start(t, simulator.Options{})
	for name, test := range map[string]struct {
		options simulator.Options
		message string
	}{
		"no key": {simulator.Options{}, "fake 2captcha: no ClientKey: set the key that the server is to accept"},
		"not loopback": {simulator.Options{ClientKey: clientKey, Address: "0.0.0.0:0"},
			`fake 2captcha: Address "0.0.0.0:0" is not a loopback address, such as 127.0.0.1:0`},
		"every interface": {simulator.Options{ClientKey: clientKey, Address: ":0"},
			`fake 2captcha: Address ":0" is not a loopback address, such as 127.0.0.1:0`},
		"no port": {simulator.Options{ClientKey: clientKey, Address: "127.0.0.1"},
			`fake 2captcha: Address "127.0.0.1" is not a host and port: address 127.0.0.1: missing port in address`},
		"taken": {simulator.Options{ClientKey: clientKey, Address: taken.Address()},
			"fake 2captcha: listen tcp " + taken.Address() + ": bind: address already in use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := simulator.Start(test.options)
			require.EqualError(t, err, test.message)
		})
	}
}

func TestServerComesBackOnTheSameAddress(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Processing())
	client := newClient(t, server)
	require.Equal(t, []string{processing}, client.bodies(7, 1))

	server.Close()
	require.ErrorIs(t, client.getTaskResult(7).err, syscall.ECONNREFUSED)
	require.Len(t, server.Requests(), 1, "the records outlive the server")
	server.Close()

	again := start(t, simulator.Options{Address: server.Address()})
	require.Equal(t, server.URL(), again.URL())
	require.Equal(t, []string{noSuchTask}, client.bodies(7, 1))
	require.Len(t, again.RequestsFor(7), 1)
}

func TestRecordsTellByWhichAddressARequestCame(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Processing())
	first, second := newClient(t, server), newClient(t, server)
	url, err := server.Listen()
	require.NoError(t, err)
	second.url = url

	first.getTaskResult(7)
	require.Equal(t, 200, second.getTaskResult(7).status)

	requests := server.RequestsFor(7)
	require.Equal(t, server.URL(), "http://"+requests[0].Host)
	require.Equal(t, url, "http://"+requests[1].Host)
	server.Close()
	require.Error(t, second.getTaskResult(7).err, "it listens after its Close")
}

func TestCloseEndsEveryAnswerAndLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	const label = "server that leaves nothing running"
	var server *simulator.Server
	// Goroutines inherit the label, so that those of this server are told from those of other
	// tests.
	pprof.Do(t.Context(), pprof.Labels("test", label), func(context.Context) {
		server = start(t, simulator.Options{CallbackTimeout: time.Hour})
	})
	client := newClient(t, server)
	client.transport.DisableKeepAlives = false
	server.Script(1, simulator.Processing()) // leaves an idle connection behind
	server.Script(2, simulator.Stalled(0))
	server.Script(3, simulator.Stalled(time.Hour))
	server.Script(4, simulator.Ready(`{}`).WithDelay(time.Hour))
	server.Script(5, simulator.SlowBody(time.Hour, processing))
	client.bodies(1, 1)

	outcomes := make(chan response)
	for _, taskID := range []int64{2, 3, 4, 5} {
		go func() { outcomes <- client.getTaskResult(taskID) }()
		require.NoError(t, server.WaitForRequests(inTime(t), taskID, 1))
	}
	ended := make(chan struct{})
	defer close(ended)
	silent := newEndpoint(t, func(http.ResponseWriter, *http.Request) { <-ended })
	for _, callback := range []simulator.Callback{{}, {Delay: time.Hour}, {Overtaken: true}} {
		server.Submit(simulator.Submission{
			CallbackURL: silent.url("/"), Callbacks: []simulator.Callback{callback}, Answers: []simulator.Answer{simulator.Ready(`{}`)},
		})
	}
	require.Eventually(t, func() bool { return len(silent.requests()) == 1 && len(server.Callbacks()) == 2 },
		time.Minute, time.Millisecond, "one callback is without an answer, one is held back")
	require.Contains(t, goroutines(t), label)
	server.Close()

	for range 4 {
		require.Error(t, (<-outcomes).err, "no answer was given")
	}
	for _, request := range server.Requests() {
		require.False(t, request.Finished.IsZero(), "Close waits for the end of every request: %+v", request)
	}
	deliveries := server.Callbacks()
	require.Len(t, deliveries, 2, "the one to come has not come")
	for _, delivery := range deliveries {
		require.Equal(t, 0, delivery.HTTPStatus)
		require.Equal(t, delivery.Sent.IsZero(), delivery.Error == "", "one was cut off, one not sent: %+v", delivery)
	}
	// What Close waits for are the last words of a goroutine, after which it takes a moment to be
	// gone.
	require.Eventually(t, func() bool { return !strings.Contains(goroutines(t), label) },
		time.Minute, time.Millisecond, "goroutines of the server go on after Close")
}

func TestCloseEndsAnAnswerWhoseClientSentMoreAlready(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Stalled(0))
	connection, err := net.Dial("tcp", server.Address())
	require.NoError(t, err)
	defer connection.Close()

	body := fmt.Sprintf(`{"clientKey":%q,"taskId":7}`, clientKey)
	request := fmt.Sprintf("POST /getTaskResult HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n%s", len(body), body)
	// net/http doesn't notice the end of a connection on which more has arrived than its buffer of
	// 4 KiB takes.
	_, err = connection.Write([]byte(strings.Repeat(request, 100)))
	require.NoError(t, err)
	require.NoError(t, server.WaitForRequests(inTime(t), 7, 1))
	// It takes that in unseen, but not later than some other requests from beginning to end.
	newClient(t, server).bodies(8, 20)

	closed := make(chan struct{})
	go func() {
		server.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-inTime(t).Done():
		require.Fail(t, "Close hangs")
	}
	require.Len(t, server.RequestsFor(7), 1, "the requests behind the first were never read")
}

func goroutines(t *testing.T) string {
	var profile bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	return profile.String()
}

func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Faults(1, 0.5, simulator.Status(500, ""), simulator.DroppedConnection(), simulator.ResetConnection(),
		simulator.Stalled(time.Millisecond), simulator.Oversized(64<<10), simulator.SlowBody(time.Millisecond, "{}"))
	var clients sync.WaitGroup
	for taskID := range int64(20) {
		client := newClient(t, server)
		clients.Go(func() {
			server.Script(taskID, simulator.Processing(), simulator.Ready(`{}`))
			for range 20 {
				client.getTaskResult(taskID)
				server.CloserThan(time.Second)
			}
		})
	}
	clients.Wait()

	require.Len(t, server.Requests(), 400)
	for taskID := range int64(20) {
		requests := server.RequestsFor(taskID)
		require.Len(t, requests, 20)
		var scripted []string
		for i, request := range requests {
			require.Equal(t, i+1, request.TaskRequest)
			if i > 0 {
				require.False(t, request.Arrived.Before(requests[i-1].Arrived), "requests are in order of arrival")
			}
			if !request.Faulted {
				scripted = append(scripted, request.Answer)
			}
		}
		require.Greater(t, len(scripted), 2)
		require.Equal(t, "processing", scripted[0])
		require.NotContains(t, scripted[1:], "processing")
	}
}

func TestCloseWhileClientsConnect(t *testing.T) {
	t.Parallel()
	for range 20 {
		server := start(t, simulator.Options{})
		server.Script(7, simulator.Processing())
		client := newClient(t, server)
		client.transport.DisableKeepAlives = false
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				for {
					if err := client.getTaskResult(7).err; errors.Is(err, syscall.ECONNREFUSED) {
						return
					}
				}
			})
		}
		require.NoError(t, server.WaitForRequests(inTime(t), 7, 8))
		server.Close()
		clients.Wait()
	}
}
