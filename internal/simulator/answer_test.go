package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestAnswersAsAClientSeesThem(t *testing.T) {
	t.Parallel()
	const jsonType, textType = "application/json; charset=utf-8", "text/plain; charset=utf-8"
	for name, test := range map[string]struct {
		answer simulator.Answer
		name   string
		status int
		header map[string]string
		body   string
	}{
		"processing": {
			simulator.Processing(), "processing", 200, map[string]string{"Content-Type": jsonType}, processing},
		"zero value": {
			simulator.Answer{}, "processing", 200, map[string]string{"Content-Type": jsonType}, processing},
		"ready, solution as written": {
			simulator.Ready(`{"b":null, "A.b":"<a href=\/>"}`), "ready", 200, map[string]string{"Content-Type": jsonType},
			fmt.Sprintf(readyFormat, `{"b":null, "A.b":"<a href=\/>"}`, 1692863536, 1692863536)},
		"ready, solution a string": {
			simulator.Ready(`"8"`), "ready", 200, nil, fmt.Sprintf(readyFormat, `"8"`, 1692863536, 1692863536)},
		"unsolvable": {
			simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), "ERROR_CAPTCHA_UNSOLVABLE", 200,
			map[string]string{"Content-Type": jsonType}, unsolvable},
		"expired": {
			simulator.Expired(), "ERROR_NO_SUCH_CAPCHA_ID", 200, nil, noSuchTask},
		"unknown code": {
			simulator.Error("ERR_<NEW>"), "ERR_<NEW>", 200, nil,
			`{"errorId":1,"errorCode":"ERR_<NEW>","errorDescription":"An error that is in no table"}`},
		"service error on another status": {
			simulator.Error("ERROR_CAPTCHA_UNSOLVABLE").WithHTTPStatus(402), "ERROR_CAPTCHA_UNSOLVABLE", 402,
			map[string]string{"Content-Type": jsonType}, unsolvable},
		"service error with Retry-After": {
			simulator.Error("ERROR_CAPTCHA_UNSOLVABLE").WithHTTPStatus(500).WithRetryAfter("9"),
			"ERROR_CAPTCHA_UNSOLVABLE", 500, map[string]string{"Retry-After": "9"}, unsolvable},
		"raw body": {
			simulator.Body("\x00\xff{{"), "body", 200, map[string]string{"Content-Type": jsonType}, "\x00\xff{{"},
		"empty body": {
			simulator.Body(""), "body", 200, nil, ""},
		"status": {
			simulator.Status(500, "500 Internal Server Error"), "status 500", 500,
			map[string]string{"Content-Type": textType}, "500 Internal Server Error"},
		"HTML page": {
			simulator.HTMLPage(), "HTML page", 521, map[string]string{"Content-Type": "text/html; charset=UTF-8"},
			"<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>api.2captcha.com | 521: Web server is down</title></head>\n" +
				"<body><h1>Web server is down <span>Error code 521</span></h1></body>\n</html>\n"},
		"truncated JSON": {
			simulator.TruncatedJSON(), "truncated JSON", 200, map[string]string{"Content-Type": jsonType},
			`{"errorId":0,"status":"ready","solution":{"text":"hel`},
		"retry after seconds": {
			simulator.RetryAfter(429, "7"), "status 429, retry after 7", 429, map[string]string{"Retry-After": "7"},
			"429 Too Many Requests"},
		"retry after a date": {
			simulator.RetryAfter(503, "Thu, 24 Aug 2023 07:52:46 GMT"),
			"status 503, retry after Thu, 24 Aug 2023 07:52:46 GMT", 503,
			map[string]string{"Retry-After": "Thu, 24 Aug 2023 07:52:46 GMT"}, "503 Service Unavailable"},
		"redirect": {
			simulator.Redirect("http://127.0.0.1:1/"), "redirect", 307,
			map[string]string{"Location": "http://127.0.0.1:1/"}, ""},
		"another redirect": {
			simulator.Redirect("http://127.0.0.1:1/").WithHTTPStatus(308), "redirect", 308,
			map[string]string{"Location": "http://127.0.0.1:1/"}, ""},
		"slow body": {
			simulator.SlowBody(20*time.Millisecond, `{"é":0}`), "slow body", 200, map[string]string{"Content-Type": jsonType},
			`{"é":0}`},
		"slow body, empty": {
			simulator.SlowBody(time.Hour, ""), "slow body", 200, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, simulator.Options{Clock: newClock().now})
			server.Script(7, test.answer)

			got := newClient(t, server).getTaskResult(7)

			require.NoError(t, got.err)
			require.Equal(t, test.status, got.status)
			require.Equal(t, test.body, got.body)
			for name, value := range test.header {
				require.Equal(t, value, got.header.Get(name), "header %s", name)
			}
			record := server.RequestsFor(7)[0]
			require.Equal(t, test.name, record.Answer)
			require.Equal(t, test.status, record.HTTPStatus)
			require.False(t, record.Finished.IsZero(), "who has read an answer finds its record finished")
		})
	}
}

func TestErrorIDsAreTheServicesOwn(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	client := newClient(t, server)
	for code, id := range map[string]int64{
		twocaptcha.ErrorKeyDoesNotExist:           1,
		twocaptcha.ErrorNoSlotAvailable:           2,
		twocaptcha.ErrorZeroCaptchaFileSize:       3,
		twocaptcha.ErrorTooBigCaptchaFileSize:     4,
		twocaptcha.ErrorPageURL:                   5,
		twocaptcha.ErrorZeroBalance:               10,
		twocaptcha.ErrorIPNotAllowed:              11,
		twocaptcha.ErrorCaptchaUnsolvable:         12,
		twocaptcha.ErrorBadDuplicates:             13,
		twocaptcha.ErrorNoSuchMethod:              14,
		twocaptcha.ErrorImageTypeNotSupported:     15,
		twocaptcha.ErrorNoSuchCapchaID:            16,
		twocaptcha.ErrorIPBlocked:                 21,
		twocaptcha.ErrorTaskAbsent:                22,
		twocaptcha.ErrorTaskNotSupported:          23,
		twocaptcha.ErrorRecaptchaInvalidSitekey:   31,
		twocaptcha.ErrorAccountSuspended:          55,
		twocaptcha.ErrorBadParameters:             110,
		twocaptcha.ErrorBadImgInstructions:        115,
		twocaptcha.ErrorBadProxy:                  130,
		"ERR_PROXY_CONNECTION_FAILED_IN_NO_TABLE": 1,
	} {
		server.Script(id, simulator.Error(code))
		answer := client.getTaskResult(id)
		require.NoError(t, answer.err)
		var body map[string]any
		require.NoError(t, json.Unmarshal([]byte(answer.body), &body))
		require.Equal(t, float64(id), body["errorId"], code)
		require.Equal(t, code, body["errorCode"])
		require.NotEmpty(t, body["errorDescription"], code)
		require.Len(t, body, 3, "an error has these three properties and no status: %s", answer.body)
	}
}

func TestConnectionThatEndsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer simulator.Answer
		name   string
		err    error
	}{
		"dropped":              {simulator.DroppedConnection(), "dropped connection", io.EOF},
		"reset":                {simulator.ResetConnection(), "reset connection", syscall.ECONNRESET},
		"stalled, then closed": {simulator.Stalled(20 * time.Millisecond), "stalled", io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, simulator.Options{})
			server.Script(7, test.answer)

			got := newClient(t, server).getTaskResult(7)

			require.ErrorIs(t, got.err, test.err)
			record := server.RequestsFor(7)[0]
			require.Equal(t, test.name, record.Answer)
			require.Zero(t, record.HTTPStatus, "no status was sent")
			require.False(t, record.Finished.IsZero())
		})
	}
}

func TestTruncatedBodyEndsInTheMiddle(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.TruncatedBody())

	got := newClient(t, server).getTaskResult(7)

	require.ErrorIs(t, got.err, io.ErrUnexpectedEOF)
	require.Equal(t, 200, got.status)
	require.Equal(t, `{"errorId":0,"status":"ready","solution":{"text":"hel`, got.body)
}

func TestStalledAnswerLastsUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.Stalled(0))
	client := newClient(t, server)

	ctx, giveUp := context.WithCancel(t.Context())
	outcome := make(chan response, 1)
	go func() { outcome <- client.getTaskResultWith(ctx, clientKey, 7) }()
	require.NoError(t, server.WaitForRequests(inTime(t), 7, 1))
	require.True(t, server.RequestsFor(7)[0].Finished.IsZero(), "the answer is still held back")
	giveUp()

	require.ErrorIs(t, (<-outcome).err, context.Canceled)
	require.NoError(t, server.WaitForAnswers(inTime(t), 7, 1), "the server notices that the client has gone")
}

func TestDelayedAnswerIsHeldBackAndThenGiven(t *testing.T) {
	t.Parallel()
	const delay = 50 * time.Millisecond
	for name, answer := range map[string]simulator.Answer{
		"at once":            simulator.Processing().WithDelay(delay),
		"before its outcome": simulator.ReadyAfter(time.Hour, `{}`).WithDelay(delay),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, simulator.Options{})
			server.Script(7, answer)

			got := newClient(t, server).getTaskResult(7)

			require.NoError(t, got.err)
			require.Equal(t, processing, got.body)
			record := server.RequestsFor(7)[0]
			require.GreaterOrEqual(t, record.Finished.Sub(record.Arrived), delay)
		})
	}
}

func TestSlowBodyStartsAtOnceAndTakesItsTime(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	server.Script(7, simulator.SlowBody(time.Hour, processing))
	client := newClient(t, server)

	ctx, giveUp := context.WithCancel(t.Context())
	body := fmt.Sprintf(`{"clientKey":%q,"taskId":7}`, clientKey)
	answer, err := client.transport.RoundTrip(
		client.request(ctx, http.MethodPost, "/getTaskResult", "application/json", body))
	require.NoError(t, err, "status and headers come before the body")
	defer answer.Body.Close()
	require.Equal(t, int64(len(processing)), answer.ContentLength)

	giveUp()
	_, err = io.ReadAll(answer.Body)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, server.WaitForAnswers(inTime(t), 7, 1), "the server notices that the client has gone")
}

func TestOversizedBodyIsAReadyResultOfThatSize(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	client := newClient(t, server)
	for _, size := range []int{100, 256<<10 + 1, 2 << 20} {
		server.Script(7, simulator.Oversized(size))
		got := client.getTaskResult(7)
		require.NoError(t, got.err)
		require.Len(t, got.body, size)
		require.Empty(t, got.header.Get("Content-Length"), "the size is not announced")
		var result struct {
			Status   string
			Solution struct{ Text string }
		}
		require.NoError(t, json.Unmarshal([]byte(got.body), &result))
		require.Equal(t, "ready", result.Status)
		require.Equal(t, strings.Repeat("a", len(result.Solution.Text)), result.Solution.Text)
	}

	server.Script(7, simulator.Oversized(0))
	require.Equal(t, `{"errorId":0,"status":"ready","solution":{"text":""}}`, client.getTaskResult(7).body)
}

func TestAnswersThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, `fake 2captcha: the solution "{" is not JSON; Status answers with any text`,
		func() { simulator.Ready("{") })
	require.PanicsWithValue(t, "fake 2captcha: HTTP status 100 is not within 200 to 599",
		func() { simulator.Status(100, "") })
	require.PanicsWithValue(t, "fake 2captcha: HTTP status 600 is not within 200 to 599",
		func() { simulator.Processing().WithHTTPStatus(600) })
}
