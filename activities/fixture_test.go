package activities_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/polling"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	clientKey = "0123456789abcdef0123456789abcdef"
	taskID    = int64(74372499131)
)

// environment is a test environment with the activities, which ask a simulated service.
type environment struct {
	*testsuite.TestActivityEnvironment
	t       *testing.T
	service *simulator.Server
}

func newEnvironment(t *testing.T, options ...func(*twocaptcha.Options)) *environment {
	t.Helper()
	return newEnvironmentOf(t, nil, options...)
}

// newEnvironmentOf is newEnvironment with options of the activities.
func newEnvironmentOf(
	t *testing.T, activitiesOptions []activities.Option, options ...func(*twocaptcha.Options),
) *environment {
	t.Helper()
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	clientOptions := twocaptcha.Options{ClientKey: clientKey, URL: service.URL()}
	for _, option := range options {
		option(&clientOptions)
	}
	client, err := twocaptcha.NewClient(clientOptions)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)

	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	e := &environment{TestActivityEnvironment: suite.NewTestActivityEnvironment(), t: t, service: service}
	activities.New(client, activitiesOptions...).Register(e)
	return e
}

// changeAttempt changes what the activity is told of its attempt.
func (e *environment) changeAttempt(change func(*activity.Info)) {
	e.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&attemptInterceptor{change: change}}})
}

// getTaskResult runs the activity by its name, with any input.
func (e *environment) getTaskResult(input any) (activities.GetTaskResultOutput, error) {
	e.t.Helper()
	var out activities.GetTaskResultOutput
	value, err := e.ExecuteActivity(activities.GetTaskResultActivity, input)
	if err != nil {
		return out, err
	}
	require.NoError(e.t, value.Get(&out))
	return out, nil
}

// pollTaskResult runs the activity by its name, for a schedule that has had so many polls.
func (e *environment) pollTaskResult(
	s *schedule.Schedule, polls int, changes ...func(*polling.Input),
) (polling.Output[twocaptcha.TaskResult], error) {
	e.t.Helper()
	in := polling.Input{
		TaskID: s.TaskID, StartedAt: s.StartedAt, InitialDelay: polling.Duration(s.InitialDelay),
		PollInterval: polling.Duration(s.PollInterval), MaxPollInterval: polling.Duration(s.MaxPollInterval),
		Deadline: s.Deadline, Polls: polls,
	}
	for _, change := range changes {
		change(&in)
	}
	var out polling.Output[twocaptcha.TaskResult]
	value, err := e.ExecuteActivity(activities.PollTaskResultActivity, in)
	if err != nil {
		return out, err
	}
	require.NoError(e.t, value.Get(&out))
	return out, nil
}

// applicationError is the failure that an activity ended with, which must be the outermost:
// Temporal sees no other.
func applicationError(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	var activityError *temporal.ActivityError
	require.ErrorAs(t, err, &activityError)
	failure, ok := activityError.Unwrap().(*temporal.ApplicationError)
	require.True(t, ok, "no ApplicationError: %T: %v", activityError.Unwrap(), err)
	return failure
}

func errorDetails(t *testing.T, failure *temporal.ApplicationError) activities.ErrorDetails {
	t.Helper()
	require.True(t, failure.HasDetails(), "no details: %v", failure)
	var details activities.ErrorDetails
	require.NoError(t, failure.Details(&details))
	return details
}

type attemptInterceptor struct {
	interceptor.WorkerInterceptorBase
	change func(*activity.Info)
}

func (i *attemptInterceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	inbound := &attemptInbound{attemptInterceptor: i}
	inbound.Next = next
	return inbound
}

type attemptInbound struct {
	interceptor.ActivityInboundInterceptorBase
	*attemptInterceptor
}

func (a *attemptInbound) Init(next interceptor.ActivityOutboundInterceptor) error {
	outbound := &attemptOutbound{attemptInterceptor: a.attemptInterceptor}
	outbound.Next = next
	return a.Next.Init(outbound)
}

type attemptOutbound struct {
	interceptor.ActivityOutboundInterceptorBase
	*attemptInterceptor
}

func (a *attemptOutbound) GetInfo(ctx context.Context) activity.Info {
	info := a.Next.GetInfo(ctx)
	a.change(&info)
	return info
}
