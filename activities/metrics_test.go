package activities_test

import (
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/metricstest"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// counted is what is counted of one request.
func counted(method, outcome string) map[string]int64 {
	return map[string]int64{`twocaptcha_requests{method="` + method + `",outcome="` + outcome + `"}`: 1}
}

func (s *shop) requireCounted(want map[string]int64, timed map[string]int) {
	s.t.Helper()
	require.Equal(s.t, want, s.metrics.Counters())
	got := map[string]int{}
	for name, values := range s.metrics.Timers() {
		got[name] = len(values)
		for _, value := range values {
			require.Greater(s.t, value, time.Duration(0))
			require.Less(s.t, value, 30*time.Second)
		}
	}
	require.Equal(s.t, timed, got)
	require.Empty(s.t, s.metrics.Problems())
}

func TestRequestIsCountedByItsOutcome(t *testing.T) {
	t.Parallel()
	const wrongMethod = `{"errorId":14,"errorCode":"ERROR_NO_SUCH_METHOD"}`
	for name, test := range map[string]struct {
		answer   simulator.Answer
		outcome  string
		answered bool
	}{
		"processing":              {simulator.Processing(), "ok", true},
		"ready":                   {simulator.Ready(`{}`), "ok", true},
		"a code of the table":     {simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"), "ERROR_CAPTCHA_UNSOLVABLE", true},
		"a code of a relative's":  {simulator.Error("ERROR_SERVICE_UNAVALIABLE"), "ERROR_SERVICE_UNAVALIABLE", true},
		"a code of the table, on": {simulator.Status(503, wrongMethod), "ERROR_NO_SUCH_METHOD", true},
		"a code of nobody's":      {simulator.Error("ERROR_7f3a9c"), "other_code", true},
		"an outcome as a code":    {simulator.Error("ok"), "other_code", true},
		"not ready":               {simulator.Error("CAPCHA_NOT_READY"), "ok", true},
		"no code":                 {simulator.Body(`{"errorId":1}`), "unexpected_response", true},
		"neither":                 {simulator.Body(`{"status":"odd"}`), "unexpected_response", true},
		"a web page on 200":       {simulator.Body(`<html>`), "unexpected_response", true},
		"too large":               {simulator.Oversized(300 << 10), "unexpected_response", true},
		"502":                     {simulator.HTMLPage(), "http_error", true},
		"429":                     {simulator.RetryAfter(429, "7"), "http_error", true},
		"a redirect":              {simulator.Redirect("https://elsewhere.example"), "http_error", true},
		"a dropped connection":    {simulator.DroppedConnection(), "transport_error", false},
		"a reset connection":      {simulator.ResetConnection(), "transport_error", false},
		"within the answer":       {simulator.TruncatedBody(), "unexpected_response", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil)
			s.service.Script(taskID, test.answer)
			_, _ = s.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: taskID})
			timed := map[string]int{}
			if test.answered {
				timed[`twocaptcha_request_latency{method="getTaskResult"}`] = 1
			}
			s.requireCounted(counted("getTaskResult", test.outcome), timed)
		})
	}
}

func TestEachMethodIsCounted(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil, simulator.Submission{Answers: []simulator.Answer{simulator.Ready(`{}`)}})
	bought, err := s.createTask(taskInput(textTask))
	require.NoError(t, err)
	_, err = s.submitTask()
	require.NoError(t, err)
	_, err = s.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: bought.TaskID})
	require.NoError(t, err)
	_, err = s.ExecuteActivity(activities.GetBalanceActivity)
	require.NoError(t, err)
	_, err = s.ExecuteActivity(activities.ReportCorrectActivity, activities.ReportInput{TaskID: bought.TaskID})
	require.NoError(t, err)
	_, err = s.ExecuteActivity(activities.ReportIncorrectActivity, activities.ReportInput{TaskID: 5})
	require.Error(t, err)
	s.requireCounted(map[string]int64{
		`twocaptcha_requests{method="createTask",outcome="ok"}`:                           2,
		`twocaptcha_requests{method="getTaskResult",outcome="ok"}`:                        1,
		`twocaptcha_requests{method="getBalance",outcome="ok"}`:                           1,
		`twocaptcha_requests{method="reportCorrect",outcome="ok"}`:                        1,
		`twocaptcha_requests{method="reportIncorrect",outcome="ERROR_NO_SUCH_CAPCHA_ID"}`: 1,
	}, map[string]int{
		`twocaptcha_request_latency{method="createTask"}`:      2,
		`twocaptcha_request_latency{method="getTaskResult"}`:   1,
		`twocaptcha_request_latency{method="getBalance"}`:      1,
		`twocaptcha_request_latency{method="reportCorrect"}`:   1,
		`twocaptcha_request_latency{method="reportIncorrect"}`: 1,
	})
}

// What comes before the first byte of a submission is not the service's time to answer.
func TestLatencyOfASubmissionBeginsWhenItIsSent(t *testing.T) {
	t.Parallel()
	const balanceTakes = 2 * time.Second
	s := newShop(t, []activities.Option{activities.WithMinBalance(big.NewRat(1, 1))})
	s.service.ScriptBalance(simulator.Body(`{"errorId":0,"balance":1}`).WithDelay(balanceTakes))
	_, err := s.createTask(taskInput(textTask))
	require.NoError(t, err)
	timers := s.metrics.Timers()
	require.GreaterOrEqual(t, timers[`twocaptcha_request_latency{method="getBalance"}`][0], balanceTakes)
	require.Less(t, timers[`twocaptcha_request_latency{method="createTask"}`][0], balanceTakes)
}

// A service that can't be reached is what an operator must see.
func TestServiceThatIsAwayIsCounted(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	s := newShopAt(t, nil, nil, "http://"+listener.Addr().String())
	_, err = s.ExecuteActivity(activities.GetBalanceActivity)
	require.Error(t, err)
	s.requireCounted(counted("getBalance", "transport_error"), map[string]int{})
}

func TestRequestThatIsNotSentIsNotCounted(t *testing.T) {
	t.Parallel()
	poll := func(s *shop) error {
		_, err := s.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: taskID})
		return err
	}
	none := map[string]int64{}
	t.Run("invalid input", func(t *testing.T) {
		t.Parallel()
		s := newShop(t, nil)
		_, err := s.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: -1})
		require.Error(t, err)
		_, err = s.createTask(`{"task":5}`)
		require.Error(t, err)
		s.requireCounted(none, map[string]int{})
	})
	t.Run("an attempt that is over", func(t *testing.T) {
		t.Parallel()
		s := newShop(t, nil)
		s.changeAttempt(func(info *activity.Info) {
			info.StartToCloseTimeout, info.StartedTime = time.Second, time.Now().Add(-time.Hour)
		})
		require.ErrorContains(t, poll(s), "not sent")
		s.requireCounted(none, map[string]int{})
	})
	t.Run("too early", func(t *testing.T) {
		t.Parallel()
		s := newShop(t, []activities.Option{activities.WithClock(time.Now)})
		s.service.Script(taskID)
		require.NoError(t, poll(s))
		require.ErrorContains(t, poll(s), "not sent")
		s.requireCounted(counted("getTaskResult", "ok"), map[string]int{`twocaptcha_request_latency{method="getTaskResult"}`: 1})
	})
	t.Run("without a key", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(file, []byte(clientKey), 0o600))
		now := time.Now()
		client, err := twocaptcha.NewClient(twocaptcha.Options{
			ClientKeyFile: file, URL: "http://localhost:1", Now: func() time.Time { return now },
		})
		require.NoError(t, err)
		require.NoError(t, os.Remove(file))
		require.NoError(t, client.KeyUsable())
		now = now.Add(11 * time.Minute) // beyond the time for which the last good key is kept
		metrics := metricstest.New()
		var suite testsuite.WorkflowTestSuite
		suite.SetMetricsHandler(metrics)
		environment := suite.NewTestActivityEnvironment()
		activities.New(client).Register(environment)
		_, err = environment.ExecuteActivity(activities.GetBalanceActivity)
		require.Error(t, err)
		require.Empty(t, metrics.Counters())
		require.Empty(t, metrics.Timers())
	})
}
