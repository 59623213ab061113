package callback_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// An address is a capability: whoever reads it can wake waits. A code may be the solution.
func TestNoAnswerAndNoLogHoldsWhatIsSecret(t *testing.T) {
	t.Parallel()
	const code = "THE-CODE-OF-THE-TASK"
	var log bytes.Buffer
	handler, server := newHandler(t, func(o *callback.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	task, workflow := taskToken(t), workflowToken(t, "order-7")
	said := &bytes.Buffer{}
	for _, fail := range []error{nil, serviceerror.NewNotFound("no"), serviceerror.NewUnavailable("no")} {
		server.fail = func(context.Context) error { return fail }
		for _, token := range []string{task, workflow, task[1:], workflow + "x"} {
			for _, body := range []string{"id=5&code=" + code, "code=" + code, "id=" + code, "id=5&id=6&code=" + code} {
				for _, method := range []string{http.MethodPost, http.MethodGet} {
					request := httptest.NewRequest(method, "/2captcha/"+token+"?code="+code, strings.NewReader(body))
					request.Header.Set("User-Agent", code)
					recorder := answer(handler, request)
					fmt.Fprintln(said, recorder.Header(), recorder.Body)
				}
			}
		}
	}
	said.Write(log.Bytes())
	fmt.Fprintf(said, "%v %+v %#v", handler, handler, handler)
	for _, line := range []string{
		"level=DEBUG msg=\"callback passed on\" taskId=5 workflowId=2captcha-task-5",
		"level=DEBUG msg=\"callback for a workflow that is not known, or has ended\" taskId=5 workflowId=order-7",
		"level=WARN msg=\"callback not passed on: Temporal did not take the signal\" taskId=5 workflowId=order-7 error=no",
		"level=DEBUG msg=\"callback to an unknown address\" from=192.0.2.1:1234",
		"level=WARN msg=\"callback refused: the body's id is not a positive integer\" from=192.0.2.1:1234",
	} {
		require.Contains(t, log.String(), line)
	}
	for _, token := range []string{task, workflow} {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > len("workflow") {
				require.NotContains(t, said.String(), part)
			}
		}
	}
	require.NotContains(t, said.String(), code)
	require.NotContains(t, said.String(), secret)
	require.NotContains(t, said.String(), fmt.Sprint([]byte(secret)))
}
