package activities_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// loggedService is a service whose activities log, and a clock that the test sets.
type loggedService struct {
	*testsuite.TestActivityEnvironment
	t       *testing.T
	service *simulator.Server
	client  *twocaptcha.Client
	now     time.Time
	lastID  int64
	lines   bytes.Buffer
	keyFile string
}

func newLoggedService(t *testing.T) *loggedService {
	t.Helper()
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	l := &loggedService{t: t, service: service, now: time.Now(), keyFile: filepath.Join(t.TempDir(), "key")}
	l.writeKey()
	client, err := twocaptcha.NewClient(twocaptcha.Options{
		ClientKeyFile: l.keyFile, URL: service.URL(), Now: func() time.Time { return l.now },
	})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	l.client = client
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(&l.lines, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	l.TestActivityEnvironment = suite.NewTestActivityEnvironment()
	activities.New(client, activities.WithClock(func() time.Time { return l.now })).Register(l)
	return l
}

func (l *loggedService) writeKey() {
	require.NoError(l.t, os.WriteFile(l.keyFile, []byte(clientKey), 0o600))
}

// ask has the service answer a request for another task.
func (l *loggedService) ask(answer simulator.Answer) {
	l.lastID++
	l.service.Script(l.lastID, answer)
	_, _ = l.ExecuteActivity(activities.GetTaskResultActivity, activities.GetTaskResultInput{TaskID: l.lastID})
}

// requireLines requires these lines above debug since the last call, each by its level and text.
func (l *loggedService) requireLines(want ...string) {
	l.t.Helper()
	var got []string
	for line := range strings.Lines(l.lines.String()) {
		if !strings.Contains(line, "level=DEBUG") {
			got = append(got, line)
		}
	}
	l.lines.Reset()
	require.Len(l.t, got, len(want), "%s", got)
	for i, line := range want {
		require.Contains(l.t, got[i], line)
	}
}

func TestServiceThatFailsForAWhileIsToldOfOnce(t *testing.T) {
	t.Parallel()
	const (
		failing = `level=WARN msg="The service has been failing for a while: requests are repeated."`
		back    = `level=INFO msg="The service answers again."`
	)
	for name, failure := range map[string]simulator.Answer{
		"HTTP 500":   simulator.Status(http.StatusInternalServerError, "<html>"),
		"dropped":    simulator.DroppedConnection(),
		"unreadable": simulator.Body("<html>"),
		"no slot":    simulator.Error("ERROR_NO_SLOT_AVAILABLE"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLoggedService(t)
			for range 20 {
				l.ask(failure)
			}
			l.now = l.now.Add(59 * time.Second)
			l.ask(failure)
			l.requireLines()
			l.now = l.now.Add(time.Second)
			l.ask(failure)
			l.requireLines(failing + " ")
			for range 20 {
				l.now = l.now.Add(time.Minute)
				l.ask(failure)
			}
			l.requireLines()
			l.ask(simulator.Processing())
			l.requireLines(back)
			l.ask(simulator.Processing())
			l.ask(failure)
			l.now = l.now.Add(time.Hour)
			l.ask(failure)
			l.requireLines() // two failures, however far apart, are not yet a service that fails
			l.ask(failure)
			l.requireLines(failing)
			l.ask(simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
			l.requireLines(back) // a verdict is an answer
		})
	}
}

func TestBanIsToldOfAtOnce(t *testing.T) {
	t.Parallel()
	l := newLoggedService(t)
	l.ask(simulator.Error("ERROR_IP_BLOCKED"))
	l.requireLines(`level=WARN msg="The service refuses this process for a while: requests are held back."`)
	for range 20 {
		l.now = l.now.Add(time.Minute)
		l.ask(simulator.Error("ERROR_IP_BLOCKED"))
	}
	l.requireLines()
	l.now = l.now.Add(time.Hour)
	l.ask(simulator.Processing())
	l.requireLines(`level=INFO msg="The service answers again."`)
}

func TestRequestThatIsNotSentSaysNothingOfTheService(t *testing.T) {
	t.Parallel()
	l := newLoggedService(t)
	require.NoError(t, os.Remove(l.keyFile))
	require.NoError(t, l.client.KeyUsable())
	l.now = l.now.Add(11 * time.Minute) // beyond the time for which the last good key is kept
	for range 10 {
		l.ask(simulator.Processing())
		l.now = l.now.Add(time.Minute)
	}
	l.requireLines()
	require.Empty(t, l.service.Requests())
}

func TestVerdictOnTheAccountIsAnError(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"ERROR_KEY_DOES_NOT_EXIST", "ERROR_ZERO_BALANCE", "ERROR_IP_NOT_ALLOWED", "ERROR_ACCOUNT_SUSPENDED",
	} {
		l := newLoggedService(t)
		l.ask(simulator.Error(code))
		l.requireLines("level=ERROR msg=\"Activity error.\"")
	}
	l := newLoggedService(t)
	l.ask(simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
	l.requireLines()
}
