package callback_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	base   = "https://example.com/2captcha"
	secret = "a secret of the tests, 32 bytes."

	formType = "application/x-www-form-urlencoded"
)

// signal is one that a handler sent.
type signal struct {
	workflowID string
	runID      string
	name       string
	payload    any
}

// wakeUp is the signal of a callback for the task.
func wakeUp(workflowID string, taskID int64) signal {
	return signal{workflowID, "", "taskCallback", workflows.TaskCallback{TaskID: taskID}}
}

// fakeTemporal keeps the signals that it takes.
type fakeTemporal struct {
	fail func(context.Context) error // what becomes of each signal; nil: it is taken

	mutex   sync.Mutex
	signals []signal
}

func (s *fakeTemporal) SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error {
	s.mutex.Lock()
	s.signals = append(s.signals, signal{workflowID, runID, signalName, arg})
	s.mutex.Unlock()
	if s.fail != nil {
		return s.fail(ctx)
	}
	return nil
}

func (s *fakeTemporal) got() []signal {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.signals
}

func (s *fakeTemporal) forget() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.signals = nil
}

// newHandler returns a handler with the tests' secret, and what takes its signals.
func newHandler(t testing.TB, change ...func(*callback.Options)) (*callback.Handler, *fakeTemporal) {
	t.Helper()
	server := &fakeTemporal{}
	options := callback.Options{Temporal: server, Secret: secret}
	for _, change := range change {
		change(&options)
	}
	handler, err := callback.NewHandler(options)
	require.NoError(t, err)
	return handler, server
}

// taskToken and workflowToken are the last path segments of addresses with the tests' secret.
func taskToken(t testing.TB) string {
	t.Helper()
	address, err := callback.URL(base, secret)
	require.NoError(t, err)
	return strings.TrimPrefix(address, base+"/")
}

func workflowToken(t testing.TB, workflowID string) string {
	t.Helper()
	address, err := callback.WorkflowURL(base, secret, workflowID)
	require.NoError(t, err)
	return strings.TrimPrefix(address, base+"/")
}

// post has the handler answer a callback to the path.
func post(handler http.Handler, path, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	request.Header.Set("Content-Type", formType)
	return answer(handler, request)
}

func answer(handler http.Handler, request *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}
