package activities_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/metricstest"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	textTask    = `{"type":"TextCaptchaTask","comment":"2+2?"}`
	firstTaskID = int64(72345678901)
	// runID is that of the SDK's test environments.
	runID = "default-test-run-id"
)

// shop is an environment in which createTask can be called, and what was heard of it.
type shop struct {
	*testsuite.TestActivityEnvironment
	t       *testing.T
	service *simulator.Server
	log     *lines
	metrics *metricstest.Handler

	mutex sync.Mutex
	marks []submission.Mark // of the heartbeats, in order
}

// lines are what was logged.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// newShop returns a shop whose service makes of each task what fates say, in order; the last one
// stays. Without fates each task is made.
func newShop(t *testing.T, options []activities.Option, fates ...simulator.Submission) *shop {
	t.Helper()
	var mutex sync.Mutex
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey, NewTask: func(simulator.NewTask) simulator.Submission {
		mutex.Lock()
		defer mutex.Unlock()
		if len(fates) == 0 {
			return simulator.Submission{}
		}
		fate := fates[0]
		if len(fates) > 1 {
			fates = fates[1:]
		}
		return fate
	}})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	return newShopAt(t, options, service, service.URL())
}

// newShopAt is newShop with another address in place of the service's.
func newShopAt(t *testing.T, options []activities.Option, service *simulator.Server, url string) *shop {
	t.Helper()
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: url})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	s := &shop{t: t, service: service, log: &lines{}, metrics: metricstest.New()}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	suite.SetMetricsHandler(s.metrics)
	s.TestActivityEnvironment = suite.NewTestActivityEnvironment()
	s.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var mark submission.Mark
		require.NoError(t, details.Get(&mark))
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.marks = append(s.marks, mark)
	})
	activities.New(client, options...).Register(s)
	return s
}

func (s *shop) changeAttempt(change func(*activity.Info)) {
	(&environment{TestActivityEnvironment: s.TestActivityEnvironment, t: s.t}).changeAttempt(change)
}

// createTask runs the activity by its name, with any JSON as its input.
func (s *shop) createTask(input string) (activities.CreateTaskOutput, error) {
	s.t.Helper()
	var out activities.CreateTaskOutput
	value, err := s.ExecuteActivity("createTask", rawJSON(input))
	if err != nil {
		return out, err
	}
	require.NoError(s.t, value.Get(&out))
	return out, nil
}

// submitTask runs the activity with an input as the workflow makes it.
func (s *shop) submitTask(changes ...func(*submission.Input)) (submission.Output, error) {
	s.t.Helper()
	in := submission.Input{
		Task: json.RawMessage(textTask), Submission: "run-1", Callback: true, OriginalRunID: runID, WorkflowAttempt: 1,
	}
	for _, change := range changes {
		change(&in)
	}
	encoded, err := in.Encode()
	require.NoError(s.t, err)
	var out submission.Output
	value, err := s.ExecuteActivity("submitTask", rawJSON(string(encoded)))
	if err != nil {
		return out, err
	}
	require.NoError(s.t, value.Get(&out))
	return out, nil
}

// rawJSON is an input with exactly these bytes.
func rawJSON(text string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: []byte(text),
	})
}

func taskInput(task string) string { return `{"task":` + task + `}` }

// refused and lost are fates: nothing is bought, or the task is bought and its id is not told.
func refused(answer simulator.Answer) simulator.Submission {
	return simulator.Submission{Refused: &answer}
}

func lost(answer simulator.Answer) simulator.Submission {
	return simulator.Submission{CreateAnswer: &answer}
}

// requireUnknown requires that the activity says that the task may have been bought.
func requireUnknown(t *testing.T, err error, mark submission.Mark) *temporal.ApplicationError {
	t.Helper()
	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, failure.Type())
	require.True(t, failure.NonRetryable())
	require.Contains(t, failure.Message(), "the task may have been bought, and its id is not known")
	var details activities.ErrorDetails
	var got submission.Mark
	require.NoError(t, failure.Details(&details, &got))
	require.Equal(t, mark, got)
	require.NotEmpty(t, details.LastError)
	return failure
}
