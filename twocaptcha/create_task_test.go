package twocaptcha_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const anyTask = `{"type":"TextCaptchaTask","comment":"2+2?"}`

// createTask has the service answer one createTask request with the status and body.
func createTask(t testing.TB, status int, body string, in ...twocaptcha.CreateTaskRequest) (*twocaptcha.CreateTaskResult, error) {
	server := startService(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	in = append(in, twocaptcha.CreateTaskRequest{Task: json.RawMessage(anyTask)})
	return newClient(t, server.URL).CreateTask(t.Context(), in[0])
}

func TestTaskReachesTheServiceUnchanged(t *testing.T) {
	t.Parallel()
	var path, body string
	server := startService(t, func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		path, body = r.URL.Path, string(content)
		_, _ = io.WriteString(w, `{"errorId":0,"taskId":72345678901}`)
	})
	client := newClient(t, server.URL)
	for _, task := range []string{
		anyTask,
		`{"z":1,"type":"T","a":[1.50,1e400,12345678901234567890,-0],"z":null,"html":"<a href='x?a&b'>\u003c\/a\u2028é"}`,
		`{"type":"T","body":"` + longText("A", 1_900_000) + `"}`,
	} {
		result, err := client.CreateTask(t.Context(), twocaptcha.CreateTaskRequest{Task: json.RawMessage(task)})
		require.NoError(t, err)
		require.Equal(t, &twocaptcha.CreateTaskResult{TaskID: 72345678901}, result)
		require.Equal(t, "/createTask", path)
		require.True(t, `{"clientKey":"`+clientKey+`","task":`+task+"}\n" == body, "of the task %.100s", task)
	}

	_, err := client.CreateTask(t.Context(), twocaptcha.CreateTaskRequest{
		Task: json.RawMessage(" {\"type\" :\n\"T\"} "), LanguagePool: "rn", CallbackURL: "https://a/?b&c", SoftID: 4583,
	})
	require.NoError(t, err)
	require.Equal(t, `{"clientKey":"`+clientKey+`","task":{"type":"T"},"languagePool":"rn","callbackUrl":"https://a/?b&c","softId":4583}`+"\n", body)
}

func TestTasksThatAreRefused(t *testing.T) {
	t.Parallel()
	client := newClient(t, "http://127.0.0.1:1")
	for task, expected := range map[string]string{
		"":                           "the task is missing: it takes a JSON object",
		" \n":                        "the task is missing",
		"null":                       "not a JSON object",
		"[]":                         "not a JSON object",
		`"hunter2"`:                  "not a JSON object",
		`{"type":"hunter2"`:          "not valid JSON",
		`{"type":"hunter2"}{}`:       "not valid JSON",
		"{\"type\":\"hunter2\xff\"}": "not valid JSON",
		`{}`:                         "the task has no type: it takes a string",
		`{"type":""}`:                "no type",
		`{"type":null}`:              "no type",
		`{"type":7}`:                 "no type",
		`{"Type":"hunter2"}`:         "no type",
	} {
		require.ErrorContains(t, twocaptcha.CheckTask(json.RawMessage(task)), expected, "of %s", task)
		_, err := client.CreateTask(t.Context(), twocaptcha.CreateTaskRequest{Task: json.RawMessage(task)})
		failure := requireTransportError(t, err, twocaptcha.ReasonInput)
		require.True(t, failure.NotSent)
		require.ErrorContains(t, err, "createTask: ")
		require.ErrorContains(t, err, expected)
		require.NotContains(t, err.Error(), "hunter2")
	}
	require.NoError(t, twocaptcha.CheckTask(json.RawMessage(anyTask)))
}

func TestAnswersThatSayWhatWasBought(t *testing.T) {
	t.Parallel()
	for body, expected := range map[string]string{
		`{"errorId":0,"taskId":72345678901}`:                                       `{"taskId":72345678901}`,
		`{"errorId":0,"taskId":"72345678901"}`:                                     `{"taskId":72345678901}`,
		`{"errorId":0.0,"taskId":72345678901.0}`:                                   `{"taskId":72345678901}`,
		`{"taskId":9223372036854775807}`:                                           `{"taskId":9223372036854775807}`,
		`{"errorId":0,"errorCode":"SUCCESS","status":"idle","taskId":5}`:           `{"taskId":5}`,
		`{"errorId":1,"errorCode":"ERROR_X","taskId":5}`:                           `{"taskId":5}`,
		`{"errorId":0,"taskId":5}<!-- -->`:                                         `{"taskId":5}`,
		`{"errorId":0,"status":"ready","solution":{"a":"` + clientKey + `"}}`:      `{"result":{"status":"ready","solution":{"a":"[client key]"}}}`,
		`{"errorId":0,"taskId":5,"status":"ready","solution":"8","cost":0.10}`:     `{"taskId":5,"result":{"status":"ready","solution":"8","cost":"0.10"}}`,
		`{"errorId":0,"taskId":"a1b2-c3","status":"ready","solution":"8","ip":""}`: `{"result":{"status":"ready","solution":"8"}}`,
	} {
		for _, status := range []int{200, 201, 203} {
			result, err := createTask(t, status, body)
			require.NoError(t, err, "of %s on HTTP %d", body, status)
			encoded, err := json.Marshal(result)
			require.NoError(t, err)
			require.Equal(t, expected, string(encoded), "of %s", body)
		}
	}
}

func TestAnswersThatSayNothingOfWhatWasBought(t *testing.T) {
	t.Parallel()
	for body, expected := range map[string]string{
		`{"errorId":0}`:                                  "(no taskId)",
		`{"errorId":0,"taskId":0}`:                       "(no taskId)",
		`{"errorId":0,"taskId":null}`:                    "(no taskId)",
		`{"errorId":0,"taskId":-5}`:                      "(taskId is not an integer above 0)",
		`{"errorId":0,"taskId":1.5}`:                     "(taskId is not an integer above 0)",
		`{"errorId":0,"taskId":"a1b2-c3"}`:               "(taskId is not an integer above 0)",
		`{"errorId":0,"taskId":9223372036854775808}`:     "(taskId is not an integer above 0)",
		`{"errorId":0,"status":"ready","solution":null}`: "(no taskId)",
	} {
		_, err := createTask(t, 200, body)
		failure := requireTransportError(t, err, twocaptcha.ReasonUnexpected)
		require.ErrorContains(t, err, expected, "of %s", body)
		require.False(t, failure.NotSent, "it may have been bought")
	}
	_, err := createTask(t, 502, `{"errorId":0,"taskId":5}`)
	require.False(t, requireTransportError(t, err, twocaptcha.ReasonStatus).NotSent)
	_, err = createTask(t, 200, `{"errorId":10,"errorCode":"ERROR_ZERO_BALANCE","errorDescription":"no funds","taskId":0}`)
	require.EqualError(t, requireServiceError(t, err), "createTask: ERROR_ZERO_BALANCE (add funds to the account): no funds")
}

// A kept connection that the service closes as a request comes leaves the outcome unknown.
func TestEachTaskIsSubmittedOverAConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"errorId":0,"taskId":5,"status":"processing"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newClient(t, server.URL)
	for range 3 {
		_, err := client.CreateTask(t.Context(), twocaptcha.CreateTaskRequest{Task: json.RawMessage(anyTask)})
		require.NoError(t, err)
		_, err = client.GetTaskResult(t.Context(), 5)
		require.NoError(t, err)
	}
	require.EqualValues(t, 3+1, connections.Load(), "one for each createTask, and one for all else")
}

func TestBeforeSendingIsCalledOnAReadyConnection(t *testing.T) {
	t.Parallel()
	connected, received := make(chan struct{}, 1), make(chan string, 1)
	url := listen(t, func(connection net.Conn, reader *bufio.Reader) {
		connected <- struct{}{}
		first, err := reader.Peek(4)
		received <- string(first)
		if err == nil && readRequest(reader) {
			_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"+`{"taskId":5}`)
		}
	})
	client := newClient(t, url)
	calls := 0
	_, err := client.CreateTask(t.Context(), twocaptcha.CreateTaskRequest{
		Task: json.RawMessage(`{"type":"T","body":"` + longText("A", 200<<10) + `"}`), // written in several pieces
		BeforeSending: func() error {
			calls++
			<-connected
			select {
			case bytes := <-received:
				return fmt.Errorf("%q was received already", bytes)
			default:
				return nil
			}
		},
	})
	require.NoError(t, err)
	require.Equal(t, "POST", <-received)
	require.Equal(t, 1, calls)

	_, err = client.CreateTask(t.Context(), twocaptcha.CreateTaskRequest{
		Task: json.RawMessage(anyTask), BeforeSending: func() error { return errors.New("no mark for " + clientKey) },
	})
	failure := requireTransportError(t, err, twocaptcha.ReasonConnection)
	require.EqualError(t, err, "createTask: not sent: no mark for [client key]")
	require.True(t, failure.NotSent)
	require.Empty(t, <-received, "bytes of a request that must not be sent")

	<-connected
	ctx, cancel := context.WithCancel(t.Context())
	_, err = client.CreateTask(ctx, twocaptcha.CreateTaskRequest{
		Task: json.RawMessage(anyTask), BeforeSending: func() error { cancel(); return nil },
	})
	require.ErrorIs(t, err, context.Canceled)
	requireTransportError(t, err, twocaptcha.ReasonConnection)
	require.Empty(t, <-received, "bytes of a request that was given up meanwhile")

	_, err = newClient(t, "http://127.0.0.1:1").CreateTask(t.Context(), twocaptcha.CreateTaskRequest{
		Task: json.RawMessage(anyTask), BeforeSending: func() error { panic("without a connection") },
	})
	requireTransportError(t, err, twocaptcha.ReasonConnection)
}

func TestWhatIsKnownNotToBeSent(t *testing.T) {
	t.Parallel()
	large := json.RawMessage(`{"type":"T","body":"` + longText("A", 16<<20) + `"}`) // more than the sockets' buffers hold
	secured := httptest.NewUnstartedServer(http.NotFoundHandler())
	secured.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake fails
	secured.StartTLS()
	t.Cleanup(secured.Close)
	answering := func(answer string, read bool) string {
		return listen(t, func(connection net.Conn, reader *bufio.Reader) {
			if !begins(reader) || read && !readRequest(reader) {
				return
			}
			_, _ = io.WriteString(connection, answer)
			if tcp, ok := connection.(*net.TCPConn); ok && !read {
				_ = tcp.SetLinger(0)
			}
		})
	}
	const busy = "HTTP/1.1 429 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		url     string
		task    json.RawMessage
		ctx     context.Context
		notSent bool
	}{
		"connection refused":             {"http://127.0.0.1:1", json.RawMessage(anyTask), t.Context(), true},
		"TLS refused":                    {secured.URL, json.RawMessage(anyTask), t.Context(), true},
		"canceled before":                {answering("", true), json.RawMessage(anyTask), canceled, true},
		"closed within a large task":     {answering("", false), large, t.Context(), true},
		"answered within a large task":   {answering(busy, false), large, t.Context(), true},
		"dropped after it was read":      {answering("", true), json.RawMessage(anyTask), t.Context(), false},
		"large, dropped after its read":  {answering("", true), large, t.Context(), false},
		"answered after it was read":     {answering(busy, true), json.RawMessage(anyTask), t.Context(), false},
		"large, answered after its read": {answering(busy, true), large, t.Context(), false},
		"not HTTP":                       {answering("SSH-2.0\r\n", true), json.RawMessage(anyTask), t.Context(), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(t, test.url).CreateTask(test.ctx, twocaptcha.CreateTaskRequest{Task: test.task})
			var failure *twocaptcha.TransportError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.notSent, failure.NotSent, "of the error %q", err)
		})
	}
}

func TestErrorOfTheServiceBeforeTheRequestIsSentInFull(t *testing.T) {
	t.Parallel()
	const body = `{"errorId":1,"errorCode":"ERROR_SERVICE_UNAVALIABLE"}`
	answer := fmt.Sprintf("HTTP/1.1 503 Busy\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	for _, read := range []bool{false, true} {
		answered := make(chan struct{})
		url := listen(t, func(connection net.Conn, reader *bufio.Reader) {
			if !begins(reader) || read && !readRequest(reader) {
				return
			}
			_, _ = io.WriteString(connection, answer)
			<-answered // a connection that is closed sooner would take the answer along
		})
		large := json.RawMessage(`{"type":"T","body":"` + longText("A", 16<<20) + `"}`)          // more than the sockets' buffers hold
		client := newClient(t, url, func(o *twocaptcha.Options) { o.Timeout = 5 * time.Minute }) // for a busy machine with the race detector
		_, err := client.CreateTask(t.Context(), twocaptcha.CreateTaskRequest{Task: large})
		close(answered)
		var failure *twocaptcha.ServiceError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, !read, failure.NotSent)
	}
}

// begins waits for a request's first byte: net/http takes no answer that comes before the request.
func begins(reader *bufio.Reader) bool {
	_, err := reader.Peek(1)
	return err == nil
}

func TestRequestThatIsGivenUpUnderWayMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	url := listen(t, func(_ net.Conn, reader *bufio.Reader) {
		if readRequest(reader) {
			close(arrived)
			_, _ = io.Copy(io.Discard, reader)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := newClient(t, url).CreateTask(ctx, twocaptcha.CreateTaskRequest{Task: json.RawMessage(anyTask)})
	require.False(t, requireTransportError(t, err, twocaptcha.ReasonConnection).NotSent)
}

// Nothing is known of what a wrapper sends on a way of its own.
func TestRequestOfAWrapperMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	client := newClient(t, "http://127.0.0.1:1", func(o *twocaptcha.Options) {
		o.WrapTransport = func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("lost") })
		}
	})
	_, err := client.CreateTask(t.Context(), twocaptcha.CreateTaskRequest{Task: json.RawMessage(anyTask)})
	require.False(t, requireTransportError(t, err, twocaptcha.ReasonConnection).NotSent)
}

func TestSecretsOfATaskAreInNoError(t *testing.T) {
	t.Parallel()
	in := twocaptcha.CreateTaskRequest{
		Task: json.RawMessage(`{"type":"RecaptchaV2TaskProxyless","websiteURL":"https://secret.example.com/login?user=Hunter",` +
			`"proxyPassword":"pa55w0rd","cookies":[{"value":"c00kie-\u003csecret\u003e-0123456789"}],"n":1234567890,"short":"abcdefg"}`),
		CallbackURL: "https://hooks.example.org/2captcha/0123456789abcdefghij",
	}
	for echo, expected := range map[string]string{
		"bad pa55w0rd":                                  "bad [task]",
		"bad PA55W0RD, pa55w0r":                         "bad [task], pa55w0r",
		"at https://secret.example.com/login?user=h":    "at [task]",
		"at secret.example.com":                         "at [task]",
		"c00kie-%3Csecret%3E":                           "[task]",
		"0123456789abcdefghij is not registered":        "[callback URL] is not registered",
		"hooks.example.org and pa55w0rd":                "[callback URL] and [task]",
		"abcdefg, 1234567890, RecaptchaV2TaskProxyless": "abcdefg, 1234567890, RecaptchaV2TaskProxyless",
		clientKey + " pa55w0rd":                         "[client key] [task]",
	} {
		body := fmt.Sprintf(`{"errorId":110,"errorCode":"ERROR_BAD_PARAMETERS","errorDescription":%q}`, echo)
		_, err := createTask(t, 200, body, in)
		require.Equal(t, expected, requireServiceError(t, err).Description)
		_, err = createTask(t, 502, strings.ToUpper(echo), in)
		requireTransportError(t, err, twocaptcha.ReasonStatus)
		require.ErrorContains(t, err, `"`+strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(strings.ToUpper(expected),
			"[TASK]", "[task]"), "[CALLBACK URL]", "[callback URL]"), "[CLIENT KEY]", "[client key]"))
	}
	// The largest task does not keep an error waiting.
	begun := time.Now()
	in.Task = json.RawMessage(`{"type":"T","body":"` + longText("0123456789", 1_900_000) + `"}`)
	_, err := createTask(t, 400, longText("901234567890 <p> ", 200<<10), in)
	require.ErrorContains(t, err, `"[task] <p> [task] <p>`)
	require.Less(t, time.Since(begun), 10*time.Second)
}
