package activities_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func jsonPayload(text string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)},
		Data:     []byte(text),
	})
}

func TestInputAndOutputHaveTheAPIsNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer simulator.Answer
		want   string
	}{
		"processing": {simulator.Processing(), `{"taskId":74372499131,"status":"processing"}`},
		"ready": {simulator.Body(`{"errorId":0,"status":"ready","solution":{"text":"<hello>"},"cost":"0.00299","ip":"1.2.3.4",
				"createTime":1692863536,"endTime":1692863556,"solveCount":1}`),
			`{"taskId":74372499131,"status":"ready","solution":{"text":"<hello>"},"cost":"0.00299","ip":"1.2.3.4",
				"createTime":1692863536,"endTime":1692863556,"solveCount":1}`},
		"ready, no more": {simulator.Body(`{"status":"ready","solution":"8","solveCount":0}`),
			`{"taskId":74372499131,"status":"ready","solution":"8","solveCount":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, test.answer)

			value, err := e.ExecuteActivity(activities.GetTaskResultActivity, jsonPayload(`{"taskId":74372499131}`))

			require.NoError(t, err)
			var got json.RawMessage
			require.NoError(t, value.Get(&got))
			require.JSONEq(t, test.want, string(got))
			require.Len(t, e.service.RequestsFor(taskID), 1)
		})
	}
}

func TestInputIsRefusedBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	for _, input := range []string{
		`{}`,
		`null`,
		`[]`,
		`5`,
		`"5"`,
		`{"taskId":0}`,
		`{"taskId":null}`,
		`{"taskId":-5}`,
		`{"taskId":"5"}`,
		`{"taskId":1e10}`,
		`{"taskId":1.5}`,
		`{"taskId":9223372036854775808}`,
		`{"taskId":{"id":5}}`,
		"{\"taskId\":\"\xff\"}",
		`{"task":5}`,
	} {
		t.Run(input, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)

			_, err := e.getTaskResult(jsonPayload(input))

			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeInvalidInput, failure.Type())
			require.True(t, failure.NonRetryable())
			require.Contains(t, failure.Message(), `it takes an integer above 0, as in {"taskId": 74372499131}`)
			require.Zero(t, errorDetails(t, failure))
			require.Empty(t, e.service.Requests())
		})
	}
}

func TestWithoutInput(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	_, err := e.ExecuteActivity(activities.GetTaskResultActivity)
	require.Equal(t, activities.ErrorTypeInvalidInput, applicationError(t, err).Type())
	require.Empty(t, e.service.Requests())
}

// An attempt that began longer ago than its StartToClose has been given up by the server, and
// another may have sent its request. Its context knows nothing of that where the worker was stopped
// meanwhile.
func TestStaleAttemptSendsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		began, startToClose time.Duration
		requests            int
	}{
		"long ago":             {time.Hour, 20 * time.Second, 0},
		"just too long ago":    {20 * time.Second, 20 * time.Second, 0},
		"in time":              {5 * time.Second, 20 * time.Second, 1},
		"without StartToClose": {time.Hour, 0, 1},
		"by a clock ahead":     {-time.Hour, 20 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID)
			e.changeAttempt(func(info *activity.Info) {
				info.StartedTime, info.StartToCloseTimeout = time.Now().Add(-test.began), test.startToClose
			})

			out, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

			require.Len(t, e.service.Requests(), test.requests)
			if test.requests > 0 {
				require.NoError(t, err)
				require.Equal(t, "processing", out.Status)
				return
			}
			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
			require.False(t, failure.NonRetryable(), "the next attempt may be in time")
			require.Contains(t, failure.Message(), "task 74372499131: getTaskResult: not sent: this attempt began ")
			require.Contains(t, failure.Message(), "and had 20s")
			require.Equal(t, taskID, errorDetails(t, failure).TaskID)
			require.Contains(t, errorDetails(t, failure).LastError, "getTaskResult: not sent: ")
		})
	}
}

func TestAttemptEndsWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Stalled(0))
	e.changeAttempt(func(info *activity.Info) {
		info.StartedTime, info.StartToCloseTimeout = time.Now().Add(-20*time.Second+100*time.Millisecond), 20*time.Second
	})

	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(t, failure.NonRetryable())
	require.Contains(t, failure.Message(), "given up", "the attempt's time, not the request's 15 s, is over")
}

func TestCanceledAttemptSendsNothing(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})

	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

	require.Error(t, err)
	require.Empty(t, e.service.Requests())
}

func TestAttemptEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Stalled(0))
	ctx, cancel := context.WithCancel(t.Context())
	e.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	go func() {
		defer cancel()
		_ = e.service.WaitForRequests(t.Context(), taskID, 1)
	}()

	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(t, failure.NonRetryable())
}

func TestStalledServiceEndsWithTheRequestsTimeout(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t, func(options *twocaptcha.Options) { options.Timeout = 50 * time.Millisecond })
	e.service.Script(taskID, simulator.Stalled(0))

	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(t, failure.NonRetryable())
	require.Contains(t, failure.Message(), "no answer within 50ms")
}

func TestKeyFileThatIsGoneIsNoVerdict(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(clientKey), 0o600))
	var wall clock
	e := newEnvironment(t, func(options *twocaptcha.Options) {
		options.ClientKey, options.ClientKeyFile, options.Now = "", file, wall.Now
	})
	e.service.Script(taskID)
	require.NoError(t, os.Remove(file))
	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
	require.NoError(t, err, "the last key stays for 10 minutes")
	wall.move(10 * time.Minute)

	_, err = e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.False(t, failure.NonRetryable())
	require.Len(t, e.service.Requests(), 1)

	require.NoError(t, os.WriteFile(file, []byte(clientKey), 0o600))
	out, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
	require.NoError(t, err)
	require.Equal(t, "processing", out.Status)
}

func TestForeignTextIsSafe(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)
	e.service.Script(taskID, simulator.Body(`{"errorId":1,"errorCode":"ERROR_`+clientKey+"\xff"+strings.Repeat("é", 200)+
		`","errorDescription":"`+clientKey+"\xff\\u0000"+strings.Repeat("é", 1000)+`"}`))

	_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

	failure := applicationError(t, err)
	details := errorDetails(t, failure)
	for limit, texts := range map[int][]string{
		100: {failure.Type(), details.ErrorCode},
		500: {failure.Message(), details.ErrorDescription},
	} {
		for _, text := range texts {
			require.LessOrEqual(t, len(text), limit)
			require.True(t, strings.ToValidUTF8(text, "") == text)
			require.NotContains(t, text, clientKey)
			require.NotContains(t, text, "\x00")
		}
	}
}

func TestActivitiesAreForConcurrentUse(t *testing.T) {
	t.Parallel()
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: service.URL()})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	shared := activities.New(client)
	for id := int64(1); id <= 20; id++ {
		service.Script(id, simulator.Processing())
		t.Run("", func(t *testing.T) {
			t.Parallel()
			var suite testsuite.WorkflowTestSuite
			environment := suite.NewTestActivityEnvironment()
			shared.Register(environment)
			_, err := environment.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: id})
			require.NoError(t, err)
		})
	}
}
