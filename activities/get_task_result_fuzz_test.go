package activities_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// FuzzGetTaskResultInput checks any JSON as the input: the activity refuses it as InvalidInput
// before any request, or sends its one request for a task.
func FuzzGetTaskResultInput(f *testing.F) {
	for _, input := range []string{
		`{"taskId":74372499131}`,
		`{"taskId":-5}`,
		`{"taskId":"5"}`,
		`null`,
		`{"taskId":74372499131,"schedule":null,"polls":3}`,
		`{"taskId":74372499131,"schedule":{"taskId":74372499131,"startedAt":"2026-01-02T03:04:05.6789Z","initialDelay":5000000000,` +
			`"pollInterval":5000000000,"maxPollInterval":10000000000,"deadline":"2999-01-02T03:19:05.6789Z"},"polls":10}`,
		`{"taskId":1,"schedule":{"startedAt":"0001-01-01T00:00:00Z","deadline":"9999-12-31T23:59:59+01:00","pollInterval":-1}}`,
		`{"taskId":1,"schedule":{"deadline":"1970-01-01T00:00:00Z"},"polls":-9223372036854775808}`,
		`{"taskId":1,"schedule":{"pollInterval":"5s"}}`,
		`{"taskId":1,"Schedule":{"Deadline":"2999-01-01T00:00:00Z"}}`,
	} {
		f.Add([]byte(input))
	}

	var requests atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.WriteString(w, `{"errorId":0,"status":"processing"}`)
	}))
	f.Cleanup(service.Close)
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: service.URL})
	require.NoError(f, err)
	f.Cleanup(client.CloseIdleConnections)
	tested := activities.New(client)

	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return // the SDK refuses it
		}
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
		environment := suite.NewTestActivityEnvironment()
		tested.Register(environment)
		before := requests.Load()

		value, err := environment.ExecuteActivity(activities.GetTaskResultActivity, jsonPayload(string(data)))

		sent := requests.Load() - before
		if err == nil {
			var output activities.GetTaskResultOutput
			require.NoError(t, value.Get(&output))
			require.Equal(t, "processing", output.Status)
			require.Positive(t, output.TaskID)
			require.Equal(t, int64(1), sent)
			return
		}
		failure := applicationError(t, err)
		require.True(t, utf8.ValidString(failure.Message()), "%q", failure.Message())
		if failure.Type() == activities.ErrorTypeInvalidInput {
			require.True(t, failure.NonRetryable())
			require.Zero(t, sent)
			return
		}
		require.Equal(t, activities.ErrorTypeNotReady, failure.Type())
		require.False(t, failure.NonRetryable())
		require.GreaterOrEqual(t, failure.NextRetryDelay(), 5*time.Second)
		require.Equal(t, int64(1), sent)
	})
}
