package twocaptcha_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestReports(t *testing.T) {
	t.Parallel()
	var path, request, body string
	server := startService(t, func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		path, request = r.URL.Path, string(content)
		_, _ = io.WriteString(w, body)
	})
	client := newClient(t, server.URL)
	for method, report := range map[string]func(context.Context, int64) (*twocaptcha.ReportResult, error){
		"reportCorrect": client.ReportCorrect, "reportIncorrect": client.ReportIncorrect,
	} {
		body = `{"errorId":0,"status":"success"}`
		result, err := report(t.Context(), taskID)
		require.NoError(t, err)
		require.Equal(t, &twocaptcha.ReportResult{Status: twocaptcha.StatusSuccess}, result)
		require.Equal(t, "/"+method, path)
		require.JSONEq(t, `{"clientKey":"`+clientKey+`","taskId":74372499131}`, request)

		for answer, expected := range map[string]string{
			`{"errorId":0}`: "(no status)",
			`{"errorId":0,"status":"` + clientKey + `"}`: `(status "[client key]")`,
		} {
			body = answer
			_, err = report(t.Context(), taskID)
			requireTransportError(t, err, twocaptcha.ReasonUnexpected)
			require.ErrorContains(t, err, "task 74372499131: "+method+": ")
			require.ErrorContains(t, err, expected)
		}

		body = `{"errorId":16,"errorCode":"ERROR_NO_SUCH_CAPCHA_ID","errorDescription":"no such task"}`
		_, err = report(t.Context(), taskID)
		require.Equal(t, "ERROR_NO_SUCH_CAPCHA_ID", requireServiceError(t, err).Code)
	}
}
