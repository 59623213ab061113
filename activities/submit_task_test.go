package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const secretAddress = "http://127.0.0.1:1/2captcha/submission.c2VjcmV0.bWFjbWFjbWFj"

// withAddress has every submission get secretAddress, and keeps for whom.
func withAddress(who *[]string) activities.Option {
	return activities.WithCallbackAddress(func(workflowID, submission string) (string, error) {
		if who != nil {
			*who = append(*who, workflowID+" "+submission)
		}
		return secretAddress, nil
	})
}

func TestSubmissionGivesAnAddress(t *testing.T) {
	t.Parallel()
	var asked []string
	s := newShop(t, []activities.Option{withAddress(&asked)})

	out, err := s.submitTask(func(in *submission.Input) { in.LanguagePool, in.SoftID = "rn", 7 })

	require.NoError(t, err)
	require.Equal(t, submission.Output{TaskID: firstTaskID, Callback: true}, out)
	require.Equal(t, []string{"default-test-workflow-id run-1"}, asked)
	purchase := s.service.Purchases()[0]
	require.Equal(t, secretAddress, purchase.Task.CallbackURL)
	require.Equal(t, "rn", purchase.Task.LanguagePool)
	require.Equal(t, int64(7), purchase.Task.SoftID)
	require.Equal(t, []submission.Mark{{Submission: "run-1", Callback: true}}, s.marks)
	require.NotContains(t, s.log.String(), secretAddress)
}

func TestSubmissionWithoutAnAddress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []activities.Option
		wanted  bool
	}{
		"the worker takes no callbacks": {nil, true},
		"a nil function":                {[]activities.Option{activities.WithCallbackAddress(nil)}, true},
		"the workflow wants none":       {[]activities.Option{withAddress(nil)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, test.options)
			out, err := s.submitTask(func(in *submission.Input) { in.Callback = test.wanted })
			require.NoError(t, err)
			require.Equal(t, submission.Output{TaskID: firstTaskID}, out)
			require.Empty(t, s.service.Purchases()[0].Task.CallbackURL)
			require.Equal(t, []submission.Mark{{Submission: "run-1"}}, s.marks)
		})
	}
}

func TestAddressThatCanNotBeMade(t *testing.T) {
	t.Parallel()
	s := newShop(t, []activities.Option{activities.WithCallbackAddress(func(string, string) (string, error) {
		return "", errors.New("the secret is " + secretAddress)
	})})
	_, err := s.submitTask()
	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeNotSubmitted, failure.Type())
	require.True(t, failure.NonRetryable())
	require.Contains(t, failure.Message(), `"disableCallback": true`)
	require.NotContains(t, failure.Message(), secretAddress)
	require.Empty(t, s.service.Requests())
}

func TestRefusalNamesTheAddressAsAPossibleReason(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer  simulator.Answer
		address bool
		advised bool
	}{
		"bad parameters":               {simulator.Error("ERROR_BAD_PARAMETERS"), true, true},
		"a code of no table":           {simulator.Error("ERROR_IP_ADDRES"), true, true},
		"400 without a code":           {simulator.Status(400, "bad callbackUrl "+secretAddress), true, true},
		"no address was given":         {simulator.Error("ERROR_BAD_PARAMETERS"), false, false},
		"a long description":           {simulator.Body(`{"errorCode":"ERROR_BAD_PARAMETERS","errorDescription":"` + strings.Repeat("ü", 300) + `"}`), true, true},
		"a long text, and not known":   {simulator.Status(503, `{"errorCode":"ERROR_SERVICE_UNAVALIABLE","errorDescription":"`+strings.Repeat("ü", 300)+`"}`), true, false},
		"it is to be repeated":         {simulator.Error("ERROR_NO_SLOT_AVAILABLE"), true, false},
		"the outcome is not known":     {simulator.Status(500, "bad callbackUrl "+secretAddress), true, false},
		"an answer that can't be read": {simulator.Body("got " + secretAddress), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, []activities.Option{withAddress(nil)}, refused(test.answer))
			_, err := s.submitTask(func(in *submission.Input) { in.Callback = test.address })
			failure := applicationError(t, err)
			require.Equal(t, test.advised, strings.Contains(failure.Message(), `"disableCallback": true`), failure.Message())
			require.LessOrEqual(t, len(failure.Message()), 500)
			require.LessOrEqual(t, len(errorDetails(t, failure).LastError), 500)
			require.True(t, utf8.ValidString(failure.Message()), "%q", failure.Message())
			said := fmt.Sprintf("%s %+v %s", failure.Message(), errorDetails(t, failure), s.log)
			require.NotContains(t, said, "c2VjcmV0")
			require.NotContains(t, said, "bWFjbWFjbWFj")
		})
	}
}

// What the run before has bought is not known here.
func TestRunThatRepeatsAnotherSubmitsNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*submission.Input){
		"a reset run":                 func(in *submission.Input) { in.OriginalRunID = "another run" },
		"a run by a retry policy":     func(in *submission.Input) { in.WorkflowAttempt = 2 },
		"both":                        func(in *submission.Input) { in.OriginalRunID, in.WorkflowAttempt = "another run", 3 },
		"a reset run with no address": func(in *submission.Input) { in.OriginalRunID, in.Callback = "another run", false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, []activities.Option{withAddress(nil)})
			_, err := s.submitTask(change)
			mark := submission.Mark{Submission: "run-1", Callback: name != "a reset run with no address"}
			failure := requireUnknown(t, err, mark)
			require.Contains(t, failure.Message(), "this run of the workflow repeats another run")
			require.Empty(t, s.service.Requests())
			require.Empty(t, s.marks)
		})
	}
}

func TestSubmissionThatFindsAMark(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.SetHeartbeatDetails(submission.Mark{Submission: "run-1"})
	_, err := s.submitTask()
	requireUnknown(t, err, submission.Mark{Submission: "run-1"})
	require.Empty(t, s.service.Requests())
}

func TestInputsThatSubmitTaskRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ input, message string }{
		"null":             {`null`, "lacks its name"},
		"no JSON":          {`{`, "can't be read"},
		"another shape":    {`{"task":{"type":"T"},"submission":5}`, "can't be read"},
		"no name":          {`{"task":{"type":"T"}}`, "lacks its name"},
		"no task":          {`{"submission":"run-1"}`, "the task is missing"},
		"a task in quotes": {`{"submission":"run-1","task":"p4ssw0rd"}`, "the task is not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil)
			_, err := s.ExecuteActivity("submitTask", rawJSON(test.input))
			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeInvalidInput, failure.Type())
			require.True(t, failure.NonRetryable())
			require.Contains(t, failure.Message(), test.message)
			require.NotContains(t, failure.Message(), "p4ssw0rd")
			require.Empty(t, s.service.Requests())
		})
	}
}

func TestSignalIsTheWorkflowsOwn(t *testing.T) {
	t.Parallel()
	require.Equal(t, workflows.TaskCallbackSignal, submission.Signal)
	ours, err := json.Marshal(submission.Call{TaskID: 5, Submission: "run-1"})
	require.NoError(t, err)
	theirs, err := json.Marshal(workflows.TaskCallback{TaskID: 5, Submission: "run-1"})
	require.NoError(t, err)
	require.JSONEq(t, string(theirs), string(ours))
}

// told is what a fake server was told after the mark, in order.
type told struct {
	mutex   sync.Mutex
	reports []string
}

func (h *told) add(format string, values ...any) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.reports = append(h.reports, fmt.Sprintf(format, values...))
	return len(h.reports)
}

// serverThat fails the reports as the errors say, in order, and takes all others.
func serverThat(h *told, errs ...error) *activities.FakeServer {
	outcome := func(number int) error {
		if number <= len(errs) {
			return errs[number-1]
		}
		return nil
	}
	return &activities.FakeServer{
		Heartbeat: func(context.Context, any) error { return nil },
		Complete: func(_ context.Context, result any, failure error) error {
			var failed *temporal.ApplicationError
			if errors.As(failure, &failed) {
				return outcome(h.add("failed %s", failed.Type()))
			}
			return outcome(h.add("completed %+v", result))
		},
		Signal: func(_ context.Context, name string, payload any) error {
			return outcome(h.add("signal %s %+v", name, payload))
		},
	}
}

// What has reached the worker is not lost to an outage of the Temporal server.
func TestOutcomeIsReportedUntilItIsTaken(t *testing.T) {
	t.Parallel()
	const completed = "completed {TaskID:72345678901 Result:<nil> Callback:false}"
	const signaled = "signal taskCallback {TaskID:72345678901 Submission:run-1}"
	away := serviceerror.NewUnavailable("away")
	over := serviceerror.NewNotFound("activity not found")
	for name, test := range map[string]struct {
		fate    simulator.Submission
		errs    []error
		reports []string
		logged  []string
		silent  bool
	}{
		"taken at once": {reports: []string{completed}, silent: true},
		"taken the second time": {
			errs: []error{away}, reports: []string{completed, completed},
			logged: []string{`msg="Temporal has not taken the activity's outcome yet`, "TaskID=72345678901"},
		},
		"no answer in time": {errs: []error{context.DeadlineExceeded}, reports: []string{completed, completed}},
		"the attempt is over": {
			errs: []error{over}, reports: []string{completed, signaled}, silent: true,
		},
		"the attempt is over, and the server away": {
			errs: []error{away, over, away}, reports: []string{completed, completed, signaled, signaled},
		},
		"the workflow has ended": {
			errs: []error{over, over}, reports: []string{completed, signaled},
			logged: []string{`level=ERROR msg="A task was bought`, "TaskID=72345678901"},
		},
		"a verdict": {
			fate: refused(simulator.Error("ERROR_ZERO_BALANCE")), errs: []error{away},
			reports: []string{"failed ERROR_ZERO_BALANCE", "failed ERROR_ZERO_BALANCE"}, logged: []string{"Activity error."},
		},
		"a verdict for an attempt that is over": {
			fate: refused(simulator.Error("ERROR_ZERO_BALANCE")), errs: []error{over}, reports: []string{"failed ERROR_ZERO_BALANCE"},
		},
		"a refusal that is to be repeated": {
			fate: refused(simulator.Error("ERROR_NO_SLOT_AVAILABLE")), reports: []string{"failed ERROR_NO_SLOT_AVAILABLE"},
		},
		"an outcome that is not known": {
			fate: lost(simulator.DroppedConnection()), reports: []string{"failed CreateTaskOutcomeUnknown"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard told
			s := newShop(t, []activities.Option{activities.WithFakeServer(serverThat(&heard, test.errs...))}, test.fate)

			_, err := s.submitTask()

			require.ErrorIs(t, err, activity.ErrResultPending)
			require.Equal(t, test.reports, heard.reports)
			require.Len(t, s.service.Requests(), 1)
			for _, line := range test.logged {
				require.Contains(t, s.log.String(), line)
			}
			if test.silent {
				require.NotContains(t, s.log.String(), "level=WARN")
				require.NotContains(t, s.log.String(), "level=ERROR")
			}
		})
	}
}

// Of an attempt that is over, the SDK logs the returned value.
func TestOutcomeThatWasReportedIsNotReturned(t *testing.T) {
	t.Parallel()
	var heard told
	s := newShop(t, []activities.Option{activities.WithFakeServer(serverThat(&heard))},
		lost(simulator.Body(`{"errorId":0,"taskId":5,"status":"ready","solution":{"text":"8"}}`)))
	var returned []any
	s.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{
		&cancelInterceptor{by: context.Background(), returned: func(value any) { returned = append(returned, value) }},
	}})
	_, err := s.submitTask()
	require.ErrorIs(t, err, activity.ErrResultPending)
	_, err = s.createTask(taskInput(textTask))
	require.ErrorIs(t, err, activity.ErrResultPending)
	require.Len(t, heard.reports, 2)
	require.Equal(t, []any{submission.Output{}, activities.CreateTaskOutput{}}, returned)
}

func TestResultThatCameAtOnceIsReportedToo(t *testing.T) {
	t.Parallel()
	var heard told
	s := newShop(t, []activities.Option{activities.WithFakeServer(serverThat(&heard, serviceerror.NewNotFound("over")))},
		lost(simulator.Body(`{"errorId":0,"status":"ready","solution":{"text":"8"}}`)))
	_, err := s.submitTask()
	require.ErrorIs(t, err, activity.ErrResultPending)
	require.Len(t, heard.reports, 1, "there is no id for a signal")
	require.Contains(t, s.log.String(), "A task was bought")
	require.NotContains(t, s.log.String(), "solution", "the result is nobody's business who reads logs")
}

// A workflow that calls createTask by name knows no signal of ours.
func TestCreateTaskByNameSignalsNobody(t *testing.T) {
	t.Parallel()
	var heard told
	s := newShop(t, []activities.Option{activities.WithFakeServer(serverThat(&heard, serviceerror.NewNotFound("over")))})
	_, err := s.createTask(taskInput(textTask))
	require.ErrorIs(t, err, activity.ErrResultPending)
	require.Len(t, heard.reports, 1)
	require.Contains(t, s.log.String(), `level=ERROR msg="A task was bought`)
	require.Contains(t, s.log.String(), "TaskID=72345678901")
}

// The request of an attempt that is canceled is on its way: its answer says what was bought.
func TestCancellationWaitsForTheAnswer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	service, err := simulator.Start(simulator.Options{ClientKey: clientKey, NewTask: func(simulator.NewTask) simulator.Submission {
		cancel()
		late := simulator.Body(`{"errorId":0,"taskId":5}`).WithDelay(200 * time.Millisecond)
		return lost(late)
	}})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	var heard told
	s := newShopAt(t, []activities.Option{activities.WithFakeServer(serverThat(&heard))}, service, service.URL())
	s.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&cancelInterceptor{by: ctx}}})

	_, err = s.submitTask()

	require.ErrorIs(t, err, activity.ErrResultPending)
	require.Equal(t, []string{"completed {TaskID:5 Result:<nil> Callback:false}"}, heard.reports)
}

func TestCancellationBeforeTheRequestSendsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := newShop(t, nil)
	s.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&cancelInterceptor{by: ctx}}})
	_, err := s.submitTask()
	failure := applicationError(t, err)
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.Empty(t, s.service.Requests())
	require.Empty(t, s.marks)
}

// cancelInterceptor cancels an activity's context when another one ends. It hears what is
// returned.
type cancelInterceptor struct {
	interceptor.WorkerInterceptorBase
	by       context.Context
	returned func(any) // nil: nobody hears it
}

func (i *cancelInterceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	inbound := &cancelInbound{cancelInterceptor: i}
	inbound.Next = next
	return inbound
}

type cancelInbound struct {
	interceptor.ActivityInboundInterceptorBase
	*cancelInterceptor
}

func (i *cancelInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if i.by.Err() != nil {
		cancel()
	}
	defer context.AfterFunc(i.by, cancel)()
	result, err := i.Next.ExecuteActivity(ctx, in)
	if i.returned != nil {
		i.returned(result)
	}
	return result, err
}
