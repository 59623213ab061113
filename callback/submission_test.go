package callback_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const submission = "0c5b4a1e-0000-4000-8000-000000000000/2"

// submissionToken is the last path segment of an address with the tests' secret.
func submissionToken(t testing.TB, workflowID, submission string) string {
	t.Helper()
	address, err := callback.SubmissionURL(base, secret, workflowID, submission)
	require.NoError(t, err)
	return strings.TrimPrefix(address, base+"/")
}

// submissionCall is the signal of a call to a submission's address; without a task id it is 0.
func submissionCall(taskID int64) signal {
	return signal{"order-7", "", "taskCallback", workflows.TaskCallback{TaskID: taskID, Submission: submission}}
}

// Services call in different ways. A call without anything to be used still says when to ask.
func TestEveryPostAndGetToASubmissionsAddressWakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string // "" is POST
		query  string
		body   string
		taskID int64
	}{
		"a form, as documented":            {body: "id=81555263943&code=ANSWER", taskID: 81555263943},
		"a form with an error":             {body: "code=ERROR_CAPTCHA_UNSOLVABLE&id=5", taskID: 5},
		"a form and the same in the query": {query: "id=5&code=x", body: "id=5", taskID: 5},
		"a query by POST":                  {query: "id=5&code=x", taskID: 5},
		"a query by GET":                   {method: "GET", query: "id=5&code=x", taskID: 5},
		"a query with another name":        {method: "GET", query: "captcha_id=5&status=1&code=x"},
		"nothing by GET":                   {method: "GET"},
		"nothing by POST":                  {},
		"JSON with a task id":              {body: ` {"taskId":81555263943,"status":"ready"}`, taskID: 81555263943},
		"JSON with a task id in quotes":    {body: `{"errorId":0,"taskId":"5"}`, taskID: 5},
		"JSON as getTaskResult answers":    {body: `{"errorId":0,"status":"ready","solution":{"token":"x&id=5"}}`},
		"JSON and a query":                 {query: "id=5", body: `{"errorId":0,"status":"ready"}`, taskID: 5},
		"JSON that holds a form":           {body: `{"solution":"&id=5&"}`},
		"JSON with another case":           {body: `{"TaskID":5}`},
		"JSON with a wrong id":             {body: `{"taskId":-5}`},
		"JSON with a fraction":             {body: `{"taskId":5.5}`},
		"JSON with a word":                 {body: `{"taskId":"8a3c"}`},
		"JSON with null":                   {body: `{"taskId":null}`},
		"broken JSON":                      {body: `{"taskId":5`},
		"a JSON array":                     {body: `[{"taskId":5}]`},
		"an id beyond int64":               {body: "id=9223372036854775808"},
		"zero":                             {body: "id=0"},
		"an empty id":                      {body: "id="},
		"several ids":                      {body: "id=5&id=6"},
		"another id in the query":          {query: "id=6", body: "id=5"},
		"another id in JSON":               {query: "id=6", body: `{"taskId":5}`},
		"a wrong id in the query":          {query: "id=x", body: "id=5", taskID: 5},
		"a wrong id in the form":           {query: "id=5", body: "id=x", taskID: 5},
		"a query and broken JSON":          {query: "id=5", body: `{"taskId":6`, taskID: 5},
		"64 KiB":                           {body: "id=5&code=" + strings.Repeat("x", 64<<10-10), taskID: 5},
		"more than 64 KiB":                 {body: "id=5&code=" + strings.Repeat("x", 64<<10-9)},
		"bytes":                            {body: "\x00\xff{\"taskId\":5}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, server := newHandler(t)
			method := test.method
			if method == "" {
				method = http.MethodPost
			}
			target := "/2captcha/" + submissionToken(t, "order-7", submission)
			if test.query != "" {
				target += "?" + test.query
			}
			recorder := answer(handler, httptest.NewRequest(method, target, strings.NewReader(test.body)))
			require.Equal(t, http.StatusOK, recorder.Code)
			require.Empty(t, recorder.Body.String())
			require.Equal(t, []signal{submissionCall(test.taskID)}, server.got())
		})
	}
}

func TestBodyThatBreaksOffWakesAllTheSame(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	body := io.MultiReader(strings.NewReader("id=5&code="), iotest.ErrReader(io.ErrUnexpectedEOF))
	recorder := answer(handler, httptest.NewRequest(http.MethodPost, "/"+submissionToken(t, "order-7", submission), body))
	require.Equal(t, http.StatusOK, recorder.Code)
	require.Equal(t, []signal{submissionCall(0)}, server.got(), "half a body may hold half an id")
}

func TestOtherMethodsDoNotWakeASubmission(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	for _, method := range []string{"HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post"} {
		request := httptest.NewRequest(http.MethodPost, "/"+submissionToken(t, "order-7", submission), strings.NewReader("id=5"))
		request.Method = method
		recorder := answer(handler, request)
		require.Equal(t, http.StatusMethodNotAllowed, recorder.Code, method)
		require.Equal(t, "GET, POST", recorder.Header().Get("Allow"), method)
	}
	require.Empty(t, server.got())
}

func TestTemporalThatTakesNoSubmissionsCall(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	server.fail = func(context.Context) error { return errors.New("away") }
	require.Equal(t, http.StatusServiceUnavailable, post(handler, "/"+submissionToken(t, "order-7", submission), "").Code)
}

func TestSubmissionAddresses(t *testing.T) {
	t.Parallel()
	require.Equal(t, submissionToken(t, "order-7", submission), submissionToken(t, "order-7", submission))
	require.Regexp(t, `^submission\.[\w-]+\.[\w-]{43}$`, submissionToken(t, "order-7", submission))
	longest := strings.Repeat("é", 500)
	for _, pair := range [][2]string{
		{"order-7", "1"}, {"order-", "71"}, {"\x00order-7", "1"}, {"7", "order-1"}, {longest, longest[:200]}, {"/", "?"},
	} {
		handler, server := newHandler(t)
		require.Equal(t, http.StatusOK, post(handler, "/"+submissionToken(t, pair[0], pair[1]), "").Code, "%q", pair)
		require.Equal(t, []signal{{pair[0], "", "taskCallback", workflows.TaskCallback{Submission: pair[1]}}}, server.got())
	}
}

// Addresses are out with the service while versions change.
func TestSubmissionAddressesStayValid(t *testing.T) {
	t.Parallel()
	const token = "submission.MQBvcmRlci03.soYZXP9L8HSOg6fkB7sUXNiTOlW0wJftdCBEA91I17I"
	require.Equal(t, token, submissionToken(t, "order-7", "1"))
}

func TestSubmissionThatCanNotBeInAnAddress(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"", "a\x00b", "a\xff", strings.Repeat("x", 201)} {
		_, err := callback.SubmissionURL(base, secret, "order-7", given)
		require.ErrorContains(t, err, "it takes 1 to 200 bytes of UTF-8 without a zero byte", "%q", given)
	}
	_, err := callback.SubmissionURL(base, secret, "", "1")
	require.EqualError(t, err, "callback: the workflow id is empty: it takes the id of the workflow to wake")
	_, err = callback.SubmissionURL(base, "", "order-7", "1")
	require.EqualError(t, err, callback.CheckSecret("").Error())
	require.NoError(t, callback.CheckSecret(secret))
}

func TestTokensThatAreNotASubmissions(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	token := submissionToken(t, "order-7", submission)
	workflow := workflowToken(t, "order-7")
	for name, path := range map[string]string{
		"a submission as a workflow": strings.Replace(token, "submission.", "workflow.", 1),
		"a workflow as a submission": strings.Replace(workflow, "workflow.", "submission.", 1),
		"no workflow":                signed("submission.MQA"),
		"no name":                    signed("submission.AG9yZGVyLTc"),
		"no end of the name":         signed("submission.b3JkZXItNw"),
		"too long":                   signed("submission." + strings.Repeat("A", 1700)),
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			recorder := answer(handler, httptest.NewRequest(method, "/"+path, unread{t}))
			require.Equal(t, http.StatusNotFound, recorder.Code, "%s %s", method, name)
		}
	}
	require.Empty(t, server.got())
}

func TestNoLogHoldsASubmissionsAddressOrItsCode(t *testing.T) {
	t.Parallel()
	const code = "THE-CODE-OF-THE-TASK"
	var log bytes.Buffer
	handler, server := newHandler(t, func(o *callback.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	token := submissionToken(t, "order-7", submission)
	for _, fail := range []error{nil, errors.New("away")} {
		server.fail = func(context.Context) error { return fail }
		for _, body := range []string{"id=5&code=" + code, `{"solution":"` + code + `"}`, code} {
			post(handler, "/"+token+"?code="+code, body)
		}
	}
	require.Contains(t, log.String(), `level=DEBUG msg="callback passed on" taskId=5 workflowId=order-7`)
	require.Contains(t, log.String(), `level=DEBUG msg="callback passed on" workflowId=order-7`)
	require.Contains(t, log.String(), `level=WARN msg="callback not passed on: Temporal did not take the signal"`)
	for _, secretText := range []string{code, strings.Split(token, ".")[1], strings.Split(token, ".")[2]} {
		require.NotContains(t, log.String(), secretText)
	}
}
