package simulator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

const clientKey = "0123456789abcdef0123456789abcdef"

// start runs a server for the length of the test. The key is filled in.
func start(t *testing.T, options simulator.Options) *simulator.Server {
	t.Helper()
	options.ClientKey = clientKey
	server, err := simulator.Start(options)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server
}

// response is what a client gets to see.
type response struct {
	status int
	header http.Header
	body   string
	err    error // of the request, or of reading the body
}

// client is a plain HTTP client. It follows no redirect, and takes a new connection for every
// request, so that its transport repeats nothing by itself.
type client struct {
	t         *testing.T
	url       string
	transport *http.Transport
}

func newClient(t *testing.T, server *simulator.Server) *client {
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, url: server.URL(), transport: transport}
}

func (c *client) do(request *http.Request) response {
	c.t.Helper()
	answer, err := c.transport.RoundTrip(request)
	if err != nil {
		return response{err: err}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return response{answer.StatusCode, answer.Header, string(body), err}
}

func (c *client) request(ctx context.Context, method, path, contentType, body string) *http.Request {
	c.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return request
}

// getTaskResult asks for a task's result as the service wants it.
func (c *client) getTaskResult(taskID int64) response {
	c.t.Helper()
	return c.getTaskResultWith(c.t.Context(), clientKey, taskID)
}

func (c *client) getTaskResultWith(ctx context.Context, key string, taskID int64) response {
	c.t.Helper()
	body := fmt.Sprintf(`{"clientKey":%q,"taskId":%d}`, key, taskID)
	return c.do(c.request(ctx, http.MethodPost, "/getTaskResult", "application/json", body))
}

// bodies asks for a task's result n times and returns the bodies.
func (c *client) bodies(taskID int64, n int) []string {
	c.t.Helper()
	var bodies []string
	for range n {
		answer := c.getTaskResult(taskID)
		require.NoError(c.t, answer.err)
		bodies = append(bodies, answer.body)
	}
	return bodies
}

// clock is a time that only passes when it is told to.
type clock struct {
	mutex sync.Mutex
	time  time.Time
}

// newClock shows the second at which the service's own example of a task was submitted.
func newClock() *clock { return &clock{time: time.Unix(1692863536, 0)} }

func (c *clock) now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.time
}

func (c *clock) advance(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.time = c.time.Add(d)
}

// inTime is a context for waits that end at once unless something is broken.
func inTime(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

const (
	processing = `{"errorId":0,"status":"processing"}`
	unsolvable = `{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE",` +
		`"errorDescription":"Workers could not solve the Captcha"}`
	noSuchTask = `{"errorId":16,"errorCode":"ERROR_NO_SUCH_CAPCHA_ID",` +
		`"errorDescription":"Wrong captcha ID, or a captcha that was submitted more than 15 minutes ago"}`
	wrongKey    = `{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST","errorDescription":"The API key is incorrect"}`
	blocked     = `{"errorId":21,"errorCode":"ERROR_IP_BLOCKED","errorDescription":"The IP is banned for improper use of the API"}`
	readyFormat = `{"errorId":0,"status":"ready","solution":%s,"cost":"0.00299","ip":"1.2.3.4",` +
		`"createTime":%d,"endTime":%d,"solveCount":1}`
)
