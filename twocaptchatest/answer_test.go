package twocaptchatest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

const clientKey = "0123456789abcdef0123456789abcdef"

func start(t *testing.T, options twocaptchatest.Options) *twocaptchatest.Server {
	t.Helper()
	options.ClientKey = clientKey
	server, err := twocaptchatest.Start(options)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server
}

// post returns the answer's status and body, or an error if there is no answer.
func post(t *testing.T, server *twocaptchatest.Server, path, body string) (status int, answer string, err error) {
	t.Helper()
	response, err := http.Post(server.URL()+path, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content), nil
}

const askFor7 = `{"clientKey":"` + clientKey + `","taskId":7}`

func TestAnswers(t *testing.T) {
	t.Parallel()
	const (
		processing = `{"errorId":0,"status":"processing"}`
		ready      = `{"errorId":0,"status":"ready","solution":{"b":1, "a":null},"cost":"0.00299","ip":"1.2.3.4",` +
			`"createTime":1692863536,"endTime":1692863536,"solveCount":1}`
		unsolvable = `{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE",` +
			`"errorDescription":"Workers could not solve the Captcha"}`
		expired = `{"errorId":16,"errorCode":"ERROR_NO_SUCH_CAPCHA_ID",` +
			`"errorDescription":"Wrong captcha ID, or a captcha that was submitted more than 15 minutes ago"}`
	)
	for name, test := range map[string]struct {
		answer twocaptchatest.Answer
		name   string
		status int
		body   string
	}{
		"zero value":   {twocaptchatest.Answer{}, "processing", 200, processing},
		"processing":   {twocaptchatest.Processing(), "processing", 200, processing},
		"ready":        {twocaptchatest.Ready(`{"b":1, "a":null}`), "ready", 200, ready},
		"not ready":    {twocaptchatest.ReadyAfter(time.Second, `{}`), "processing", 200, processing},
		"error":        {twocaptchatest.Error("ERROR_CAPTCHA_UNSOLVABLE"), "ERROR_CAPTCHA_UNSOLVABLE", 200, unsolvable},
		"no error yet": {twocaptchatest.ErrorAfter(time.Second, "ERROR_BAD_PROXY"), "processing", 200, processing},
		"expired":      {twocaptchatest.Expired(), "ERROR_NO_SUCH_CAPCHA_ID", 200, expired},
		"status":       {twocaptchatest.Status(500, "<html>"), "status 500", 500, "<html>"},
		"retry after": {
			twocaptchatest.RetryAfter(429, "7"), "status 429, retry after 7", 429, "429 Too Many Requests"},
		"delayed":            {twocaptchatest.Processing().WithDelay(time.Millisecond), "processing", 200, processing},
		"dropped connection": {twocaptchatest.DroppedConnection(), "dropped connection", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			submitted := time.Unix(1692863536, 0)
			server := start(t, twocaptchatest.Options{Clock: func() time.Time { return submitted }})
			server.Script(7, test.answer)

			status, body, err := post(t, server, "/getTaskResult", askFor7)

			if test.status == 0 {
				require.ErrorIs(t, err, io.EOF)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, test.status, status)
			require.Equal(t, test.body, body)
			require.Equal(t, []twocaptchatest.Request{{
				Path: "/getTaskResult", TaskID: 7, Arrived: submitted, Answer: test.name, HTTPStatus: test.status,
			}}, server.RequestsFor(7))
		})
	}
}

func TestErrorAfterIsTheErrorOnceItsTimeHasCome(t *testing.T) {
	t.Parallel()
	now := time.Unix(1692863536, 0)
	server := start(t, twocaptchatest.Options{Clock: func() time.Time { return now }})
	server.Script(7, twocaptchatest.ErrorAfter(time.Minute, "ERROR_BAD_PROXY"))
	now = now.Add(time.Minute)
	_, body, err := post(t, server, "/getTaskResult", askFor7)
	require.NoError(t, err)
	require.Contains(t, body, "ERROR_BAD_PROXY")
}

func TestWhatCanNotBeAnsweredPanics(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, `fake 2captcha: the solution "{" is not JSON; Status answers with any text`,
		func() { twocaptchatest.Ready("{") })
	require.PanicsWithValue(t, "fake 2captcha: HTTP status 600 is not within 200 to 599",
		func() { twocaptchatest.RetryAfter(600, "5") })
	server := start(t, twocaptchatest.Options{})
	require.PanicsWithValue(t,
		`fake 2captcha: callbackUrl "https://example.com/" is not on a loopback host, such as 127.0.0.1`,
		func() { server.Submit(twocaptchatest.Submission{CallbackURL: "https://example.com/"}) })
}
