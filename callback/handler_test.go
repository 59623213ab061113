package callback_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
)

func TestBodies(t *testing.T) {
	t.Parallel()
	const (
		noID     = "the body has no id\n"
		badID    = "the body's id is not a positive integer\n"
		several  = "the body has several ids\n"
		tooLarge = "the body is over 64 KiB\n"
	)
	tests := map[string]struct {
		body    string
		taskID  int64 // 0: it is refused
		status  int
		message string
	}{
		"as documented":             {"id=81555263943&code=ANSWER", 81555263943, 200, ""},
		"the id last":               {"code=ANSWER&id=5", 5, 200, ""},
		"an error":                  {"id=5&code=ERROR_CAPTCHA_UNSOLVABLE", 5, 200, ""},
		"no code":                   {"id=5", 5, 200, ""},
		"a code that is not a form": {"code=%zz;%&id=5&code={\"a\":\"b=c\"}", 5, 200, ""},
		"the same id again":         {"id=5&id=5&id=05", 5, 200, ""},
		"escaped":                   {"%69d=%35", 5, 200, ""},
		"the largest id":            {"id=9223372036854775807", 9223372036854775807, 200, ""},
		"64 KiB":                    {"id=5&code=" + strings.Repeat("x", 64<<10-10), 5, 200, ""},
		"more than 64 KiB":          {"id=5&code=" + strings.Repeat("x", 64<<10-9), 0, 413, tooLarge},
		"empty":                     {"", 0, 400, noID},
		"another name":              {"ID=5&ids=5&i%20d=5&%zz=5", 0, 400, noID},
		"the id of a query":         {"code=id=5", 0, 400, noID},
		"JSON":                      {`{"id":5}`, 0, 400, noID},
		"several ids":               {"id=5&id=6", 0, 400, several},
		"an invalid second id":      {"id=5&id=", 0, 400, badID},
		"an empty id":               {"id=", 0, 400, badID},
		"no value":                  {"id", 0, 400, badID},
		"zero":                      {"id=0", 0, 400, badID},
		"negative":                  {"id=-5", 0, 400, badID},
		"a sign":                    {"id=%2B5", 0, 400, badID},
		"a space before":            {"id=+5", 0, 400, badID},
		"a line end after":          {"id=5\r\n", 0, 400, badID},
		"beyond int64":              {"id=9223372036854775808", 0, 400, badID},
		"beyond uint64":             {"id=18446744073709551617", 0, 400, badID},
		"a fraction":                {"id=5.0", 0, 400, badID},
		"hexadecimal":               {"id=0x5", 0, 400, badID},
		"underscores":               {"id=5_0", 0, 400, badID},
		"other digits":              {"id=%EF%BC%95", 0, 400, badID},
		"a word":                    {"id=five", 0, 400, badID},
		"a bad escape":              {"id=%zz", 0, 400, badID},
		"a semicolon":               {"id=5;code=x", 0, 400, badID},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, server := newHandler(t)
			byTask := post(handler, "/"+taskToken(t)+"?id=7", test.body)
			byWorkflow := post(handler, "/"+workflowToken(t, "order-7")+"?id=7", test.body)
			for _, answer := range []*httptest.ResponseRecorder{byTask, byWorkflow} {
				require.Equal(t, test.status, answer.Code)
				require.Equal(t, test.message, answer.Body.String())
			}
			if test.taskID == 0 {
				require.Empty(t, server.got())
				return
			}
			require.Equal(t, []signal{
				wakeUp(fmt.Sprintf("2captcha-task-%d", test.taskID), test.taskID),
				wakeUp("order-7", test.taskID),
			}, server.got())
		})
	}
}

// The body is a form whatever the sender says, and however it sends it.
func TestContentTypeIsNotLookedAt(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"", formType, formType + "; charset=utf-8", "text/plain", "application/json", "multipart/form-data", "\x00"} {
		handler, server := newHandler(t)
		request := httptest.NewRequest(http.MethodPost, "/"+taskToken(t), strings.NewReader("id=5"))
		request.Header.Set("Content-Type", contentType)
		require.Equal(t, http.StatusOK, answer(handler, request).Code, "of %q", contentType)
		require.Len(t, server.got(), 1, "of %q", contentType)
	}
}

func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	body := io.MultiReader(strings.NewReader("id=5&code="), iotest.ErrReader(io.ErrUnexpectedEOF))
	recorder := answer(handler, httptest.NewRequest(http.MethodPost, "/"+taskToken(t), body))
	require.Equal(t, http.StatusBadRequest, recorder.Code)
	require.Equal(t, "the body can't be read\n", recorder.Body.String())
	require.Empty(t, server.got())
}

func TestOnlyPOSTIsTaken(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "post", "ANY"} {
		request := httptest.NewRequest(http.MethodPost, "/"+taskToken(t), strings.NewReader("id=5"))
		request.Method = method
		recorder := answer(handler, request)
		require.Equal(t, http.StatusMethodNotAllowed, recorder.Code, method)
		require.Equal(t, "POST", recorder.Header().Get("Allow"), method)
	}
	require.Empty(t, server.got())
}

func TestAnyPathPrefix(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	token := taskToken(t)
	prefixes := []string{"/", "//", "/2captcha/", "/a/b/c/", "/%2F/", "/task.AAAA.AAAA/", "/2captcha.txt/"}
	for _, prefix := range prefixes {
		require.Equal(t, http.StatusOK, post(handler, prefix+token, "id=5").Code, "under %s", prefix)
		require.Equal(t, http.StatusOK, post(handler, prefix+strings.ReplaceAll(token, ".", "%2E"), "id=5").Code, "under %s", prefix)
	}
	require.Len(t, server.got(), 2*len(prefixes))

	mux := http.NewServeMux()
	mux.Handle("/2captcha/", http.StripPrefix("/2captcha", handler))
	require.Equal(t, http.StatusOK, post(mux, "/2captcha/"+token, "id=5").Code, "stripped")
}

func TestWorkflowIDsOfAllKinds(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("заказ/", 90) + "\x00?#%&../ "
	longest += strings.Repeat("z", 1000-len(longest))
	for _, workflowID := range []string{"order-7", "a/b/c", "/", ".", "..", "2captcha.txt", "заказ 7", "\x00\n", longest} {
		handler, server := newHandler(t)
		require.Equal(t, http.StatusOK, post(handler, "/prefix/"+workflowToken(t, workflowID), "id=5").Code)
		require.Equal(t, []signal{wakeUp(workflowID, 5)}, server.got())
	}
}

func TestWhatTemporalSays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err    error
		status int
	}{
		"taken":             {nil, 200},
		"unknown, or ended": {serviceerror.NewNotFound("workflow execution already completed"), 200},
		"wrapped":           {fmt.Errorf("interceptor: %w", serviceerror.NewNotFound("workflow not found")), 200},
		"unavailable":       {serviceerror.NewUnavailable("connection refused"), 503},
		"no such namespace": {serviceerror.NewNamespaceNotFound("captchas"), 503},
		"no permission":     {serviceerror.NewPermissionDenied("go away", ""), 503},
		"too many signals":  {serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events"), 503},
		"late":              {context.DeadlineExceeded, 503},
		"anything else":     {errors.New("odd"), 503},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, server := newHandler(t)
			server.fail = func(context.Context) error { return test.err }
			recorder := post(handler, "/"+taskToken(t), "id=5&code=ANSWER")
			require.Equal(t, test.status, recorder.Code)
			require.Len(t, server.got(), 1)
			if test.status == http.StatusServiceUnavailable {
				require.Equal(t, "5", recorder.Header().Get("Retry-After"))
				require.Equal(t, "try again later\n", recorder.Body.String())
				return
			}
			require.Empty(t, recorder.Header().Get("Retry-After"))
			require.Empty(t, recorder.Body.String())
		})
	}
}

func TestTemporalThatDoesNotAnswerIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, server := newHandler(t)
		server.fail = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		require.Equal(t, http.StatusServiceUnavailable, post(handler, "/"+taskToken(t), "id=5").Code)
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

func TestSenderThatHasGoneIsHeardAllTheSame(t *testing.T) {
	t.Parallel()
	handler, server := newHandler(t)
	server.fail = func(ctx context.Context) error { return ctx.Err() }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request := httptest.NewRequest(http.MethodPost, "/"+taskToken(t), strings.NewReader("id=5")).WithContext(ctx)
	require.Equal(t, http.StatusOK, answer(handler, request).Code)
}
