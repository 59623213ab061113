package workflows_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/metricstest"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	clientKey = "0123456789abcdef0123456789abcdef"
	taskID    = int64(74372499131)
	solution  = `{"text":"hello"}`
)

// environment is a test environment whose worker has the shipped plugin, with a simulated service
// that goes by the environment's clock: time that is skipped here has passed there too. A poll
// takes no time unless it is repeated.
type environment struct {
	*testsuite.TestWorkflowEnvironment
	t       *testing.T
	service *simulator.Server
	metrics *metricstest.Handler
	log     *strings.Builder // what was logged at warn and above
	start   time.Time
	// polling is how every wait polls that does not say itself.
	polling workflows.Polling

	mutex         sync.Mutex
	firstAttempts map[string]time.Time // by activity id

	// What the workflow asked of Temporal.
	timers         []timerRecord
	timersCanceled int
	polls          []pollRecord
	submissions    []pollRecord
	others         []pollRecord
	// info changes what the workflow knows of its run; nil: nothing.
	info func(*workflow.Info)
	// clockSkip is added to the workflow's time, as if a worker took up late what has happened.
	clockSkip time.Duration
	// pollError, if it is set, may end a poll without an attempt, as the server's error would.
	pollError func() error
	// attempt runs in place of an activity that polls, if it is set; request is the activity itself.
	attempt func(ctx context.Context, request func() (any, error)) (any, error)

	// newTasks are what becomes of the tasks that are submitted, one after the other; the last one
	// also of those after it. submissionError is pollError for submissions, and submission is attempt
	// for them.
	newTasks        []simulator.Submission
	submissionError func(number int) error
	submission      func(in submission.Input, request func() (any, error)) (any, error)
}

// Times are counted from the environment's start.
type timerRecord struct {
	at, duration time.Duration
	summary      string
}

type pollRecord struct {
	at      time.Duration
	options workflow.ActivityOptions
	input   any
}

func newEnvironment(t *testing.T) *environment {
	t.Helper()
	return newEnvironmentAt(t, time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC))
}

// withEachPolling runs a test in each way to poll. What differs by design is told apart by
// byRetries.
func withEachPolling(t *testing.T, test func(*testing.T, *environment)) {
	t.Helper()
	withEachPollingIn(t, newEnvironment, test)
}

// withEachPollingIn is withEachPolling in environments of another kind.
func withEachPollingIn(t *testing.T, newEnvironment func(*testing.T) *environment, test func(*testing.T, *environment)) {
	t.Helper()
	for _, polling := range pollings {
		t.Run(string(polling), func(t *testing.T) {
			t.Parallel()
			whileTimeStandsStill(t, func(t *testing.T) {
				e := newEnvironment(t)
				e.polling = polling
				test(t, e)
			})
		})
	}
}

// withEachPollingInRealTime is withEachPolling for activities that are canceled between two
// attempts. The test environment has the second one wait for ever then, which real time alone may
// leave behind.
func withEachPollingInRealTime(t *testing.T, test func(*testing.T, *environment)) {
	t.Helper()
	for _, polling := range pollings {
		t.Run(string(polling), func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.polling = polling
			test(t, e)
		})
	}
}

var pollings = []workflows.Polling{workflows.PollingTimer, workflows.PollingActivityRetry}

// withRetries runs a test that is about PollingActivityRetry alone.
func withRetries(t *testing.T, test func(*testing.T, *environment)) {
	t.Helper()
	whileTimeStandsStill(t, func(t *testing.T) {
		e := newEnvironment(t)
		e.polling = workflows.PollingActivityRetry
		test(t, e)
	})
}

// whileTimeStandsStill runs a test in a bubble, whose time does not go on while somebody listens on
// a network, as the simulated service does. An attempt with a schedule measures what it takes,
// which is nothing then, however busy the machine is.
func whileTimeStandsStill(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func newEnvironmentAt(t *testing.T, start time.Time) *environment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	e := &environment{t: t, metrics: metricstest.New(), log: &strings.Builder{}, start: start, firstAttempts: map[string]time.Time{}}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(e.log, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	suite.SetMetricsHandler(e.metrics)
	t.Cleanup(func() { require.Empty(t, e.metrics.Problems()) })
	e.TestWorkflowEnvironment = suite.NewTestWorkflowEnvironment()
	e.SetTestTimeout(time.Minute) // of real time in which nothing happens
	e.SetStartTime(start)
	e.SetOnTimerCanceledListener(func(string) { e.timersCanceled++ })

	service, err := simulator.Start(simulator.Options{ClientKey: clientKey, Clock: e.Now, NewTask: e.newTask})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	e.service = service
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: clientKey, APIURL: service.URL(), Now: e.Now})
	require.NoError(t, err)
	e.SetWorkerOptions(worker.Options{
		Plugins:      []worker.Plugin{plugin},
		Interceptors: []interceptor.WorkerInterceptor{&recorder{environment: e}},
	})
	return e
}

// byRetries tells whether polls are the attempts of one activity.
func (e *environment) byRetries() bool { return e.polling == workflows.PollingActivityRetry }

// elapsed is the time since the environment's start.
func (e *environment) elapsed() time.Duration { return e.Now().Sub(e.start) }

// timersOf is how many timers an undisturbed wait of so many polls before the deadline has.
func (e *environment) timersOf(polls int) int {
	if !e.byRetries() {
		return polls
	}
	const attempts = 10 // of one activity: the test environment allows no more, where the server has no limit
	return (polls + attempts - 1) / attempts
}

// pollsOf is what the wait counts as polls where the attempts of one activity are given.
func (e *environment) pollsOf(attempts int) int {
	if e.byRetries() {
		return attempts
	}
	return 1
}

// await runs AwaitTaskResult to its end.
func (e *environment) await(in workflows.AwaitTaskResultInput) (workflows.AwaitTaskResultOutput, error) {
	e.t.Helper()
	in.Polling = cmp.Or(in.Polling, e.polling)
	return e.awaitInput(in)
}

// awaitInput runs AwaitTaskResult on any input, by its name.
func (e *environment) awaitInput(inputs ...any) (workflows.AwaitTaskResultOutput, error) {
	e.t.Helper()
	e.ExecuteWorkflow(workflows.AwaitTaskResultWorkflow, inputs...)
	require.True(e.t, e.IsWorkflowCompleted(), "the workflow hasn't ended")
	var out workflows.AwaitTaskResultOutput
	if err := e.GetWorkflowError(); err != nil {
		return out, err
	}
	require.NoError(e.t, e.GetWorkflowResult(&out))
	return out, nil
}

// runParent runs a workflow of someone else's, on the same worker, and returns its error.
func (e *environment) runParent(parent func(workflow.Context) error) error {
	e.t.Helper()
	e.RegisterWorkflowWithOptions(parent, workflow.RegisterOptions{Name: "parent"})
	e.ExecuteWorkflow("parent")
	require.True(e.t, e.IsWorkflowCompleted(), "the workflow hasn't ended")
	return e.GetWorkflowError()
}

// after has something happen in mid-wait, at this time since the start.
func (e *environment) after(at time.Duration, happen func()) {
	e.RegisterDelayedCallback(happen, at)
}

// signalAfter sends the signal that a webhook sends.
func (e *environment) signalAfter(at time.Duration) {
	e.after(at, func() { e.SignalWorkflow(workflows.TaskCallbackSignal, workflows.TaskCallback{TaskID: taskID}) })
}

// requestTimes are when requests for a task came in.
func (e *environment) requestTimes(taskID int64) []time.Duration {
	var times []time.Duration
	for _, request := range e.service.RequestsFor(taskID) {
		times = append(times, request.Arrived.Sub(e.start))
	}
	return times
}

// scheduled is when the activity was scheduled: its first attempt asks first.
func (e *environment) scheduled(activityID string) time.Time {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if _, known := e.firstAttempts[activityID]; !known {
		e.firstAttempts[activityID] = e.Now()
	}
	return e.firstAttempts[activityID]
}

// pollSummaries are those of the activities.
func (e *environment) pollSummaries() []string {
	var summaries []string
	for _, poll := range e.polls {
		summaries = append(summaries, poll.options.Summary)
	}
	return summaries
}

// requireLastPoll has a poll wait for a worker or its turn, and be repeated until it is answered.
func (e *environment) requireLastPoll(poll pollRecord) {
	e.t.Helper()
	require.Equal(e.t, activities.GetTaskResultInput{TaskID: taskID}, poll.input)
	require.Contains(e.t, poll.options.Summary, ", the last")
	require.Equal(e.t, 15*time.Minute, poll.options.ScheduleToStartTimeout)
	require.Equal(e.t, 30*time.Second, poll.options.StartToCloseTimeout)
	require.Equal(e.t, 40*time.Minute, poll.options.ScheduleToCloseTimeout)
	require.Equal(e.t, temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2,
		MaximumInterval: 30 * time.Second, MaximumAttempts: 7}, *poll.options.RetryPolicy)
}

// status asks the running or ended workflow.
func (e *environment) status() workflows.AwaitTaskResultStatus {
	e.t.Helper()
	value, err := e.QueryWorkflow(workflows.StatusQuery)
	require.NoError(e.t, err)
	var status workflows.AwaitTaskResultStatus
	require.NoError(e.t, value.Get(&status))
	return status
}

// details are the current details, as the Web UI asks for them, without the paragraph at their end
// that it cuts off.
func (e *environment) details() string {
	e.t.Helper()
	value, err := e.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(e.t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(e.t, value.Get(&metadata))
	details, ends := strings.CutSuffix(metadata.GetCurrentDetails(), "\n\n\u00a0")
	require.Equal(e.t, strings.HasPrefix(details, "Task"), ends, "the Web UI would cut off the last line: %s", details)
	return details
}

// nextRun is a fresh environment for the run that this one continues as, to which the same requests
// come.
func (e *environment) nextRun() (*environment, converter.RawValue) {
	e.t.Helper()
	var continued *workflow.ContinueAsNewError
	require.ErrorAs(e.t, e.GetWorkflowError(), &continued)
	require.Equal(e.t, workflows.AwaitTaskResultWorkflow, continued.WorkflowType.Name)
	require.Len(e.t, continued.Input.GetPayloads(), 1)
	next := newEnvironmentAt(e.t, e.Now())
	next.start, next.polling = e.start, e.polling
	next.SetContinuedExecutionRunID("the run before")
	return next, converter.NewRawValue(continued.Input.GetPayloads()[0])
}

// applicationError is the failure that the workflow ended with, which must be the outermost: a
// parent in another language sees no other.
func applicationError(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	var execution *temporal.WorkflowExecutionError
	if errors.As(err, &execution) {
		err = execution.Unwrap()
	}
	failure, ok := err.(*temporal.ApplicationError)
	require.True(t, ok, "no ApplicationError: %T: %v", err, err)
	require.True(t, failure.NonRetryable(), "every error that leaves the workflow is non-retryable: %v", failure)
	require.Nil(t, failure.Unwrap(), "a cause would repeat what the failure says")
	require.LessOrEqual(t, len(failure.Message()), 500)
	return failure
}

func errorDetails(t *testing.T, failure *temporal.ApplicationError) workflows.ErrorDetails {
	t.Helper()
	require.True(t, failure.HasDetails(), "no details: %v", failure)
	var details workflows.ErrorDetails
	require.NoError(t, failure.Details(&details))
	return details
}

// jsonPayload is what the CLI and the Web UI send for this text.
func jsonPayload(text string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)},
		Data:     []byte(text),
	})
}

func seconds(times ...float64) []time.Duration {
	var durations []time.Duration
	for _, time := range times {
		durations = append(durations, inSeconds(time))
	}
	return durations
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// recorder is an interceptor that fills its environment's records.
type recorder struct {
	interceptor.WorkerInterceptorBase
	environment *environment
}

func (r *recorder) InterceptWorkflow(
	ctx workflow.Context, next interceptor.WorkflowInboundInterceptor,
) interceptor.WorkflowInboundInterceptor {
	inbound := &inboundRecorder{environment: r.environment}
	inbound.Next = next
	return inbound
}

func (r *recorder) InterceptActivity(
	ctx context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	inbound := &attemptInterceptor{environment: r.environment}
	inbound.Next = next
	return inbound
}

type inboundRecorder struct {
	interceptor.WorkflowInboundInterceptorBase
	environment *environment
}

func (r *inboundRecorder) Init(next interceptor.WorkflowOutboundInterceptor) error {
	outbound := &outboundRecorder{environment: r.environment}
	outbound.Next = next
	return r.Next.Init(outbound)
}

// withoutPayload is delivered as [workflows.TaskCallbackSignal] with no payload at all, which the
// environment has no call for.
const withoutPayload = "taskCallback without payload"

func (r *inboundRecorder) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	if in.SignalName == withoutPayload {
		in = &interceptor.HandleSignalInput{SignalName: workflows.TaskCallbackSignal}
	}
	return r.Next.HandleSignal(ctx, in)
}

type outboundRecorder struct {
	interceptor.WorkflowOutboundInterceptorBase
	environment *environment
}

func (r *outboundRecorder) NewTimerWithOptions(
	ctx workflow.Context, duration time.Duration, options workflow.TimerOptions,
) workflow.Future {
	if options.Summary != "Sleep" { // which a parent does
		r.environment.timers = append(r.environment.timers, timerRecord{r.environment.elapsed(), duration, options.Summary})
	}
	return r.Next.NewTimerWithOptions(ctx, duration, options)
}

func (r *outboundRecorder) GetInfo(ctx workflow.Context) *workflow.Info {
	info := r.Next.GetInfo(ctx)
	if r.environment.info != nil {
		changed := *info
		r.environment.info(&changed)
		return &changed
	}
	return info
}

func (r *outboundRecorder) Now(ctx workflow.Context) time.Time {
	return r.Next.Now(ctx).Add(r.environment.clockSkip)
}

func (r *outboundRecorder) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	record := pollRecord{at: r.environment.elapsed(), options: workflow.GetActivityOptions(ctx)}
	if len(args) > 0 {
		record.input = args[0]
	}
	switch activityType {
	case activities.SubmitTaskActivity:
		r.environment.submissions = append(r.environment.submissions, record)
		if r.environment.submissionError != nil {
			if err := r.environment.submissionError(len(r.environment.submissions)); err != nil {
				future, settable := workflow.NewFuture(ctx)
				settable.SetError(err)
				return future
			}
		}
		if record.options.WaitForCancellation { // which the environment ignores: it cancels at once
			ctx, _ = workflow.NewDisconnectedContext(ctx)
		}
		return r.Next.ExecuteActivity(ctx, activityType, args...)
	case activities.GetTaskResultActivity, activities.PollTaskResultActivity:
		r.environment.polls = append(r.environment.polls, record)
	default:
		r.environment.others = append(r.environment.others, record)
	}
	if r.environment.pollError != nil {
		if err := r.environment.pollError(); err != nil {
			future, settable := workflow.NewFuture(ctx)
			settable.SetError(err)
			return future
		}
	}
	return r.Next.ExecuteActivity(ctx, activityType, args...)
}

type attemptInterceptor struct {
	interceptor.ActivityInboundInterceptorBase
	environment *environment
}

func (i *attemptInterceptor) Init(next interceptor.ActivityOutboundInterceptor) error {
	outbound := &attemptClock{environment: i.environment}
	outbound.Next = next
	return i.Next.Init(outbound)
}

// attemptClock has attempts be scheduled and start by their environment's clock, as they do by a
// server's.
type attemptClock struct {
	interceptor.ActivityOutboundInterceptorBase
	environment *environment
}

func (c *attemptClock) GetInfo(ctx context.Context) activity.Info {
	info := c.Next.GetInfo(ctx)
	info.StartedTime = c.environment.Now()
	info.ScheduledTime = c.environment.scheduled(info.ActivityID)
	if info.ActivityType.Name != activities.SubmitTaskActivity { // which needs a server otherwise
		info.WorkflowExecution = workflow.Execution{} // by which it would be taken for a test environment's
	}
	return info
}

func (i *attemptInterceptor) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	request := func() (any, error) { return i.Next.ExecuteActivity(ctx, in) }
	if activity.GetInfo(ctx).ActivityType.Name == activities.SubmitTaskActivity {
		if i.environment.submission == nil {
			return request()
		}
		var input submission.Input
		if err := json.Unmarshal(in.Args[0].(converter.RawValue).Payload().GetData(), &input); err != nil {
			return nil, err
		}
		return i.environment.submission(input, request)
	}
	if i.environment.attempt != nil {
		return i.environment.attempt(ctx, request)
	}
	return request()
}
