package simulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// endpoint is where callbacks arrive.
type endpoint struct {
	server *httptest.Server

	mutex sync.Mutex
	seen  []string
	types []string
}

// newEndpoint answers every request with 200, or by handler, if there is one.
func newEndpoint(t *testing.T, handler ...http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e.mutex.Lock()
		e.seen = append(e.seen, fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), body))
		e.types = append(e.types, r.Header.Get("Content-Type"))
		e.mutex.Unlock()
		for _, handle := range handler {
			handle(w, r)
		}
	}))
	t.Cleanup(e.server.Close)
	return e
}

func (e *endpoint) url(path string) string { return e.server.URL + path }

// requests are what arrived: method, path and body, in order of arrival.
func (e *endpoint) requests() []string {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return append([]string(nil), e.seen...)
}

func TestCallbackTellsHowATaskEnded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers []simulator.Answer
		code    string
		body    string
	}{
		"text":               {[]simulator.Answer{simulator.Ready(`"8"`)}, "", "code=8"},
		"escaped text":       {[]simulator.Answer{simulator.Ready(`"a \u0026 b\n"`)}, "", "code=a+%26+b%0A"},
		"object with text":   {[]simulator.Answer{simulator.Ready(`{"text":"hello world"}`)}, "", "code=hello+world"},
		"object with token":  {[]simulator.Answer{simulator.Ready(`{"text":"no","token":"0cAF"}`)}, "", "code=0cAF"},
		"object with others": {[]simulator.Answer{simulator.Ready(`{"x":1}`)}, "", "code=%7B%22x%22%3A1%7D"},
		"object whose text is null": {[]simulator.Answer{simulator.Ready(`{"text":null}`)},
			"", "code=%7B%22text%22%3Anull%7D"},
		"code of the test's own": {[]simulator.Answer{simulator.Ready(`{"x":1}`)}, "x=1", "code=x%3D1"},
		"error": {[]simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")},
			"", "code=ERROR_CAPTCHA_UNSOLVABLE"},
		"later": {[]simulator.Answer{simulator.ReadyAfter(30*time.Millisecond, `"8"`)},
			"", "code=8"},
		"error later": {[]simulator.Answer{simulator.ErrorAfter(30*time.Millisecond, "ERROR_BAD_DUPLICATES")},
			"", "code=ERROR_BAD_DUPLICATES"},
		"behind faults": {
			[]simulator.Answer{simulator.Status(500, ""), simulator.Processing(), simulator.Ready(`"8"`), simulator.Expired()},
			"", "code=8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, server := newEndpoint(t), start(t, simulator.Options{})
			submission := simulator.Submission{CallbackURL: endpoint.url("/token"), Answers: test.answers}
			if test.code != "" {
				submission.Callbacks = []simulator.Callback{{Code: test.code}}
			}

			taskID := server.Submit(submission)
			require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 1))

			require.Equal(t, []string{fmt.Sprintf("POST /token id=%d&%s", taskID, test.body)}, endpoint.requests())
			require.Equal(t, []string{"application/x-www-form-urlencoded"}, endpoint.types)
			delivery := server.Callbacks()[0]
			require.False(t, delivery.Sent.Before(delivery.Ended), "it is sent when the task has ended: %+v", delivery)
			require.Equal(t, 200, delivery.HTTPStatus)
		})
	}
}

// A result is there as soon as its callback says so.
func TestCallbackIsNotBeforeTheResult(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	client := newClient(t, server)
	bodies := make(chan string)
	endpoint := newEndpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		var taskID int64
		fmt.Sscanf(r.URL.Path, "/%d", &taskID)
		bodies <- client.getTaskResult(taskID).body
	})
	for i := range int64(20) {
		server.Submit(simulator.Submission{
			CallbackURL: endpoint.url(fmt.Sprintf("/%d", 72345678901+i)),
			Answers:     []simulator.Answer{simulator.ErrorAfter(10*time.Millisecond, "ERROR_CAPTCHA_UNSOLVABLE")},
		})
		require.Equal(t, unsolvable, <-bodies)
	}
}

func TestTasksWithoutCallbacks(t *testing.T) {
	t.Parallel()
	endpoint, server := newEndpoint(t), start(t, simulator.Options{})
	ready := []simulator.Answer{simulator.Ready(`"8"`)}
	for _, submission := range []simulator.Submission{
		{Answers: ready},
		{Answers: ready, CallbackURL: endpoint.url("/"), Callbacks: []simulator.Callback{}},
		{Answers: ready, Callbacks: []simulator.Callback{{}}},
		{CallbackURL: endpoint.url("/")},
		{CallbackURL: endpoint.url("/"), Answers: []simulator.Answer{simulator.Processing(), simulator.Body("x")}},
		{CallbackURL: endpoint.url("/"), Callbacks: []simulator.Callback{{}, {Delay: -time.Second}}},
	} {
		server.Submit(submission)
	}
	last := server.Submit(simulator.Submission{
		Answers: ready, CallbackURL: endpoint.url("/"), Callbacks: []simulator.Callback{{Delay: 100 * time.Millisecond}},
	})
	require.NoError(t, server.WaitForCallbacks(inTime(t), last, 1))
	require.Len(t, server.Callbacks(), 1)
	require.Len(t, endpoint.requests(), 1)
}

func TestScriptedCallbacks(t *testing.T) {
	t.Parallel()
	const token = "/nonce.abcdefghijklmnopqrstuvwxyz"
	for name, test := range map[string]struct {
		callbacks []simulator.Callback
		requests  []string
		kinds     []string // by number
	}{
		"repeats": {
			[]simulator.Callback{{}, {Delay: 20 * time.Millisecond}, {}},
			[]string{token + " id=72345678902&code=8", token + " id=72345678902&code=8", token + " id=72345678902&code=8"},
			[]string{"genuine", "genuine repeat", "genuine repeat"},
		},
		"lost": {[]simulator.Callback{{Kind: simulator.Lost}}, nil, []string{"lost"}},
		"forged beside a genuine one": {
			[]simulator.Callback{{Kind: simulator.BrokenMAC}, {}},
			[]string{"/nonce.abcdefghijklmnopqrAtuvwxyz id=72345678902&code=8", token + " id=72345678902&code=8"},
			[]string{"broken MAC", "genuine"},
		},
		"for another task": {
			[]simulator.Callback{{Kind: simulator.OtherTask}}, []string{token + " id=72345678901&code=8"}, []string{"other task"},
		},
		"for no task": {
			[]simulator.Callback{{Kind: simulator.UnknownTask}}, []string{token + " id=1171857306678&code=8"},
			[]string{"unknown task"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, server := newEndpoint(t), start(t, simulator.Options{})
			server.Submit(simulator.Submission{})

			taskID := server.Submit(simulator.Submission{
				CallbackURL: endpoint.url(token), Callbacks: test.callbacks, Answers: []simulator.Answer{simulator.Ready(`"8"`)},
			})
			require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, len(test.callbacks)))

			var want []string
			for _, request := range test.requests {
				want = append(want, "POST "+request)
			}
			require.ElementsMatch(t, want, endpoint.requests())
			kinds := make([]string, len(test.callbacks))
			for _, delivery := range server.CallbacksFor(taskID) {
				kind := delivery.Callback.Kind.String()
				if delivery.Repeat {
					kind += " repeat"
				}
				kinds[delivery.Number-1] = kind
				require.Equal(t, test.callbacks[delivery.Number-1], delivery.Callback)
				require.Empty(t, delivery.Error)
				require.GreaterOrEqual(t, delivery.Sent.Sub(delivery.Ended), delivery.Callback.Delay)
			}
			require.Equal(t, test.kinds, kinds)
		})
	}
}

func TestFirstTaskHasNoOtherToBeTakenFor(t *testing.T) {
	t.Parallel()
	endpoint, server := newEndpoint(t), start(t, simulator.Options{})
	taskID := server.Submit(simulator.Submission{
		CallbackURL: endpoint.url("/"), Callbacks: []simulator.Callback{{Kind: simulator.OtherTask}},
		Answers: []simulator.Answer{simulator.Ready(`"8"`)},
	})
	require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 1))
	require.Equal(t, []string{"POST / id=1171857306677&code=8"}, endpoint.requests())
}

func TestCallbacksLongBeforeAndAfterTheEnd(t *testing.T) {
	t.Parallel()
	endpoint, server := newEndpoint(t), start(t, simulator.Options{})
	taskID := server.Submit(simulator.Submission{
		CallbackURL: endpoint.url("/"),
		Callbacks:   []simulator.Callback{{Delay: -time.Hour}, {Delay: -2 * time.Hour}, {}},
		Answers:     []simulator.Answer{simulator.ReadyAfter(time.Hour, `"8"`)},
	})
	require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 2))

	deliveries := server.CallbacksFor(taskID)
	require.Len(t, deliveries, 2)
	for _, delivery := range deliveries {
		require.True(t, delivery.Sent.Before(delivery.Ended))
	}
	require.Equal(t, []string{processing}, newClient(t, server).bodies(taskID, 1))
}

// A MAC in base64 has bits at its end that don't count.
func TestBrokenMACIsAnotherURL(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/prefix/token-that-ends-in-AAAAAAAA": "/prefix/token-that-ends-in-BAAAAAAA",
		"/prefix/token-that-ends-in-BBBBBBBB": "/prefix/token-that-ends-in-ABBBBBBB",
		"/prefix/token-1234567?own=parameter": "/prefix/tokenA1234567?own=parameter",
		"/short":                              "/AshortAA",
		"":                                    "/BAAAAAAA",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			endpoint, server := newEndpoint(t), start(t, simulator.Options{})
			taskID := server.Submit(simulator.Submission{
				CallbackURL: endpoint.url(path), Callbacks: []simulator.Callback{{Kind: simulator.BrokenMAC}},
				Answers: []simulator.Answer{simulator.Ready(`"8"`)},
			})
			require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 1))
			require.Equal(t, []string{fmt.Sprintf("POST %s id=%d&code=8", want, taskID)}, endpoint.requests())
		})
	}
}

func TestOvertakenCallbacks(t *testing.T) {
	t.Parallel()
	endpoint, server := newEndpoint(t), start(t, simulator.Options{})
	submit := func(path string, callback simulator.Callback) int64 {
		return server.Submit(simulator.Submission{
			CallbackURL: endpoint.url(path), Callbacks: []simulator.Callback{callback},
			Answers: []simulator.Answer{simulator.Ready(`"8"`)},
		})
	}
	waitForDue := func(n int) {
		require.Eventually(t, func() bool { return len(server.Callbacks()) == n }, time.Minute, time.Millisecond)
	}
	first := submit("/first", simulator.Callback{Overtaken: true})
	waitForDue(1)
	second := submit("/second", simulator.Callback{Overtaken: true})
	waitForDue(2)
	lost := submit("/lost", simulator.Callback{Kind: simulator.Lost})
	require.NoError(t, server.WaitForCallbacks(inTime(t), lost, 1))
	require.Zero(t, server.CallbacksFor(second)[0].Sent, "one that is lost overtakes nobody")
	submit("/third", simulator.Callback{})
	require.NoError(t, server.WaitForCallbacks(inTime(t), first, 1))

	third := lost + 1
	require.Equal(t, []string{
		fmt.Sprintf("POST /third id=%d&code=8", third),
		fmt.Sprintf("POST /second id=%d&code=8", second),
		fmt.Sprintf("POST /first id=%d&code=8", first),
	}, endpoint.requests())
	var due []int64
	for _, delivery := range server.Callbacks() {
		due = append(due, delivery.TaskID)
	}
	require.Equal(t, []int64{first, second, lost, third}, due)
}

func TestTaskDoesNotOvertakeItself(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	endpoint := newEndpoint(t, func(http.ResponseWriter, *http.Request) { <-held })
	server := start(t, simulator.Options{})
	submit := func(callbacks ...simulator.Callback) int64 {
		return server.Submit(simulator.Submission{
			CallbackURL: endpoint.url("/"), Callbacks: callbacks, Answers: []simulator.Answer{simulator.Ready(`"8"`)},
		})
	}
	taskID := submit(simulator.Callback{Overtaken: true, Code: "held"}, simulator.Callback{Code: "own"})
	require.Eventually(t, func() bool { return len(server.Callbacks()) == 2 }, time.Minute, time.Millisecond)
	close(held)
	require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 1))
	newClient(t, server).bodies(taskID, 20) // takes longer than to send one that was let go
	require.Len(t, endpoint.requests(), 1, "it is held back still")

	other := submit(simulator.Callback{Code: "other"})
	require.NoError(t, server.WaitForCallbacks(inTime(t), taskID, 2))

	require.Equal(t, []string{
		fmt.Sprintf("POST / id=%d&code=own", taskID),
		fmt.Sprintf("POST / id=%d&code=other", other),
		fmt.Sprintf("POST / id=%d&code=held", taskID),
	}, endpoint.requests())
}
