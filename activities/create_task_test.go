package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/gobconverter"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestCreateTaskSendsTheTaskAsItIs(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	const task = "{ \"type\" : \"Tomorrow'sTask\",\n\"z\":1.0, \"a\":12345678901234567890, \"b\":[null, {\"<&>\":\"\\u0041\\/\"}] }"

	out, err := s.createTask(`{"task":` + task + `,"languagePool":"rn","softId":4583,"callbackUrl":"http://127.0.0.1:1/x"}`)

	require.NoError(t, err)
	require.Equal(t, activities.CreateTaskOutput{TaskID: firstTaskID}, out)
	purchases := s.service.Purchases()
	require.Len(t, purchases, 1)
	require.Equal(t, compacted(t, task), compacted(t, string(purchases[0].Task.Task)), "order and digits stay")
	require.Equal(t, "rn", purchases[0].Task.LanguagePool)
	require.Equal(t, int64(4583), purchases[0].Task.SoftID)
	require.Equal(t, "http://127.0.0.1:1/x", purchases[0].Task.CallbackURL)
	require.True(t, s.marks[0].Callback)
}

// compacted takes the white space between a JSON value's parts away, and nothing else.
func compacted(t *testing.T, text string) string {
	t.Helper()
	var compact strings.Builder
	inString := false
	for at := range len(text) {
		switch char := text[at]; {
		case !inString && strings.ContainsRune(" \n\t\r", rune(char)):
		default:
			if char == '"' && (at == 0 || text[at-1] != '\\') {
				inString = !inString
			}
			compact.WriteByte(char)
		}
	}
	return compact.String()
}

func TestCreateTaskFromGo(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	value, err := s.ExecuteActivity(activities.CreateTaskActivity,
		activities.CreateTaskInput{Task: json.RawMessage(`{"type":"T","a":"<&>"}`), SoftID: 7})
	require.NoError(t, err)
	var properties map[string]json.RawMessage
	require.NoError(t, value.Get(&properties))
	require.Equal(t, map[string]json.RawMessage{"taskId": json.RawMessage("72345678901")}, properties)
	require.JSONEq(t, `{"type":"T","a":"<&>"}`, string(s.service.Purchases()[0].Task.Task))
}

func TestInputsThatCreateTaskRefuses(t *testing.T) {
	t.Parallel()
	const secretText = "p4ssw0rd-of-a-proxy"
	const noObject = "the input is not a JSON object"
	for name, test := range map[string]struct{ input, message string }{
		"null":                   {`null`, noObject},
		"a string":               {`"` + secretText + `"`, noObject},
		"a number":               {`5`, noObject},
		"an array":               {`[{"type":"T"}]`, noObject},
		"nothing in it":          {`{}`, "the task is missing"},
		"a task in another case": {`{"Task":` + textTask + `}`, "a property that createTask does not take"},
		"the task alone":         {textTask, "a property that createTask does not take"},
		"the client key": {`{"task":` + textTask + `,"clientKey":"` + secretText + `"}`,
			"a property that createTask does not take: it takes task, languagePool, callbackUrl and softId"},
		"task null":               {taskInput(`null`), "the task is not a JSON object"},
		"task a string":           {taskInput(`"` + secretText + `"`), "the task is not a JSON object"},
		"task JSON in a string":   {taskInput(`"{\"type\":\"T\"}"`), "the task is not a JSON object"},
		"task an array":           {taskInput(`[` + textTask + `]`), "the task is not a JSON object"},
		"no type":                 {taskInput(`{"proxyPassword":"` + secretText + `"}`), "the task has no type"},
		"an empty type":           {taskInput(`{"type":""}`), "the task has no type"},
		"a type that is a number": {taskInput(`{"type":7}`), "the task has no type"},
		"a type in another case":  {taskInput(`{"Type":"T"}`), "the task has no type"},
		"languagePool a number":   {`{"task":` + textTask + `,"languagePool":1}`, `languagePool can't be read: it takes a string, "en" or "rn"`},
		"callbackUrl an object":   {`{"task":` + textTask + `,"callbackUrl":{"` + secretText + `":1}}`, "callbackUrl can't be read"},
		"softId a string":         {`{"task":` + textTask + `,"softId":"` + secretText + `"}`, "softId can't be read: it takes an integer"},
		"softId a fraction":       {`{"task":` + textTask + `,"softId":7.5}`, "softId can't be read: it takes an integer"},
		"softId below 0":          {`{"task":` + textTask + `,"softId":-1}`, "softId is below 0"},
		"too large": {taskInput(`{"type":"T","body":"` + strings.Repeat("a", 1_900_000) + `"}`),
			"the task is 1900022 bytes large: it takes at most 1900000, since Temporal takes no more than 2 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil)
			_, err := s.createTask(test.input)
			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeInvalidInput, failure.Type())
			require.True(t, failure.NonRetryable())
			require.Contains(t, failure.Message(), "createTask: ")
			require.Contains(t, failure.Message(), test.message)
			require.NotContains(t, failure.Message(), secretText)
			require.Empty(t, s.service.Requests())
			require.NotContains(t, s.log.String(), secretText)
		})
	}
}

func TestLargestTaskIsSubmitted(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	const begin, end = `{"type":"T","body":"`, `"}`
	task := begin + strings.Repeat("a", activities.MaxTaskBytes-len(begin+end)) + end
	_, err := s.createTask(taskInput(task))
	require.NoError(t, err)
	require.Len(t, s.service.Purchases()[0].Task.Task, activities.MaxTaskBytes)
}

func TestLocalActivityBuysNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: s.service.URL()})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	_, err = s.ExecuteLocalActivity(activities.New(client).CreateTask, activities.CreateTaskInput{Task: json.RawMessage(textTask)})
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, activities.ErrorTypeInvalidInput, failure.Type())
	require.Contains(t, failure.Message(), "it can't be a local activity")
	require.Empty(t, s.service.Requests())
}

// The most eager retry policy there is.
func createTaskEagerly(ctx workflow.Context, input string) (activities.CreateTaskOutput, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Millisecond, BackoffCoefficient: 1, MaximumAttempts: 4},
	})
	var out activities.CreateTaskOutput
	err := workflow.ExecuteActivity(ctx, activities.CreateTaskActivity, json.RawMessage(input)).Get(ctx, &out)
	return out, err
}

func TestRetryPolicyNeverBuysTwice(t *testing.T) {
	t.Parallel()
	noSlot := refused(simulator.Error("ERROR_NO_SLOT_AVAILABLE"))
	busy := refused(simulator.Status(429, ""))
	gone := lost(simulator.DroppedConnection())
	for name, test := range map[string]struct {
		fates     []simulator.Submission
		requests  int
		purchases int
		errorType string // "": the id is there
	}{
		"bought at once":                   {nil, 1, 1, ""},
		"bought after two refusals":        {[]simulator.Submission{noSlot, busy, {}}, 3, 1, ""},
		"the answer is lost":               {[]simulator.Submission{gone}, 1, 1, "CreateTaskOutcomeUnknown"},
		"the answer is lost in the end":    {[]simulator.Submission{noSlot, gone}, 2, 1, "CreateTaskOutcomeUnknown"},
		"500 after the purchase":           {[]simulator.Submission{lost(simulator.Status(500, ""))}, 1, 1, "CreateTaskOutcomeUnknown"},
		"an answer that nobody can read":   {[]simulator.Submission{lost(simulator.TruncatedJSON())}, 1, 1, "CreateTaskOutcomeUnknown"},
		"refused for good":                 {[]simulator.Submission{refused(simulator.Error("ERROR_ZERO_BALANCE"))}, 1, 0, "ERROR_ZERO_BALANCE"},
		"refused until the attempts end":   {[]simulator.Submission{noSlot}, 4, 0, "ERROR_NO_SLOT_AVAILABLE"},
		"bought with the last attempt":     {[]simulator.Submission{noSlot, noSlot, noSlot, {}}, 4, 1, ""},
		"lost with the last attempt":       {[]simulator.Submission{busy, busy, busy, gone}, 4, 1, "CreateTaskOutcomeUnknown"},
		"refused after it was not refused": {[]simulator.Submission{noSlot, lost(simulator.Body("{}")), {}}, 2, 1, "CreateTaskOutcomeUnknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil, test.fates...)
			client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: s.service.URL()})
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			activities.New(client).Register(env)
			env.ExecuteWorkflow(createTaskEagerly, taskInput(textTask))

			require.Len(t, s.service.Requests(), test.requests)
			require.Len(t, s.service.Purchases(), test.purchases)
			if test.errorType == "" {
				var out activities.CreateTaskOutput
				require.NoError(t, env.GetWorkflowResult(&out))
				require.Equal(t, firstTaskID, out.TaskID)
				return
			}
			var failure *temporal.ApplicationError
			require.ErrorAs(t, env.GetWorkflowError(), &failure)
			require.Equal(t, test.errorType, failure.Type())
		})
	}
}

// What an attempt leaves is all that the next one knows of it.
func TestAttemptAfterALostOne(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		details any // nil: there are none
		sends   bool
	}{
		"no heartbeat":              {nil, true},
		"an overwritten mark":       {submission.Mark{}, true},
		"a mark":                    {submission.Mark{Submission: "5"}, false},
		"a mark with an address":    {submission.Mark{Submission: "5", Callback: true}, false},
		"a mark of another build":   {map[string]any{"submission": "5", "ofTomorrow": 1}, false},
		"details that nobody knows": {"about to send", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil)
			if test.details != nil {
				s.SetHeartbeatDetails(test.details)
			}
			s.changeAttempt(func(info *activity.Info) { info.Attempt = 2 })

			_, err := s.createTask(taskInput(textTask))

			if test.sends {
				require.NoError(t, err)
				require.Len(t, s.service.Purchases(), 1)
				return
			}
			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeCreateTaskOutcomeUnknown, failure.Type())
			require.True(t, failure.NonRetryable())
			require.Contains(t, failure.Message(), "an attempt before this one was about to send the request")
			require.NotContains(t, failure.Message(), "submit")
			require.Empty(t, s.service.Requests())
		})
	}
}

// A mark comes when the connection is ready, and before anything of the request.
func TestMarkComesJustBeforeTheRequest(t *testing.T) {
	t.Parallel()
	var s *shop
	marks := 0
	server := acceptingServer()
	server.Heartbeat = func(_ context.Context, details any) error {
		marks++
		require.NotEmpty(t, details.(submission.Mark).Submission)
		require.Eventually(t, func() bool { return s.service.Connections() == 1 }, 10*time.Second, time.Millisecond)
		require.Empty(t, s.service.Requests())
		return nil
	}
	s = newShop(t, []activities.Option{activities.WithFakeServer(server)})
	_, err := s.createTask(taskInput(textTask))
	require.ErrorIs(t, err, activity.ErrResultPending)
	require.Equal(t, 1, marks)
	require.Len(t, s.service.Purchases(), 1)
}

func TestWithoutAMarkNothingIsSent(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]error{
		"the attempt is over":    serviceerror.NewNotFound("activity not found"),
		"the server is away":     serviceerror.NewUnavailable("away"),
		"the workflow is closed": serviceerror.NewNotFound("workflow execution already completed"),
		"a cancel request":       temporal.NewCanceledError(),
		"paused":                 activity.ErrActivityPaused,
		"any error":              errors.New("odd"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := acceptingServer()
			var details []any
			server.Heartbeat = func(_ context.Context, given any) error {
				details = append(details, given)
				if len(details) == 1 {
					return fail
				}
				return nil
			}
			s := newShop(t, []activities.Option{activities.WithFakeServer(server)})

			_, err := s.createTask(taskInput(textTask))

			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
			require.False(t, failure.NonRetryable())
			require.Contains(t, failure.Message(), "not sent: the Temporal server did not take the mark that comes before the request")
			require.Empty(t, s.service.Requests())
			require.Equal(t, submission.Mark{}, details[1], "the server may have the mark: it is overwritten")
			require.Empty(t, s.metrics.Counters(), "no request was sent")
		})
	}
}

// The next attempt would find the mark, and would say that the task may have been bought.
func TestMarkThatCanNotBeOverwrittenMakesTheFailureFinal(t *testing.T) {
	t.Parallel()
	away := serviceerror.NewUnavailable("away")
	for name, test := range map[string]struct {
		answer    simulator.Answer
		errs      []error // of the overwriting, in order; the last one stays
		errorType string
		final     bool
	}{
		"the server is away":                  {simulator.Error("ERROR_NO_SLOT_AVAILABLE"), []error{away}, "ERROR_NO_SLOT_AVAILABLE", true},
		"the server is away, without a code":  {simulator.Status(429, ""), []error{away}, "NotSubmitted", true},
		"the server is away for a short time": {simulator.Status(429, ""), []error{away, nil}, "RequestFailed", false},
		"the attempt is over":                 {simulator.Status(429, ""), []error{serviceerror.NewNotFound("over")}, "NotSubmitted", true},
		"a cancel request":                    {simulator.Status(429, ""), []error{temporal.NewCanceledError()}, "RequestFailed", false},
		"paused":                              {simulator.Status(429, ""), []error{activity.ErrActivityPaused}, "RequestFailed", false},
		"reset by an operator":                {simulator.Status(429, ""), []error{activity.ErrActivityReset}, "RequestFailed", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var reported error
			server := acceptingServer()
			server.Heartbeat = func(_ context.Context, details any) error {
				if details != (submission.Mark{}) {
					return nil
				}
				err := test.errs[0]
				test.errs = test.errs[min(1, len(test.errs)-1):]
				return err
			}
			server.Complete = func(_ context.Context, _ any, failure error) error {
				reported = failure
				return nil
			}
			s := newShop(t, []activities.Option{activities.WithFakeServer(server)}, refused(test.answer))
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			s.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&deadlineInterceptor{of: ctx}}})

			_, err := s.createTask(taskInput(textTask))

			var failure *temporal.ApplicationError
			if test.final {
				require.ErrorIs(t, err, activity.ErrResultPending)
				require.ErrorAs(t, reported, &failure)
			} else {
				failure = applicationError(t, err)
			}
			require.Equal(t, test.errorType, failure.Type())
			require.Equal(t, test.final, failure.NonRetryable())
			require.Len(t, s.service.Requests(), 1)
		})
	}
}

// deadlineInterceptor gives an activity the deadline of another context.
type deadlineInterceptor struct {
	interceptor.WorkerInterceptorBase
	of context.Context
}

func (i *deadlineInterceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	inbound := &deadlineInbound{of: i.of}
	inbound.Next = next
	return inbound
}

type deadlineInbound struct {
	interceptor.ActivityInboundInterceptorBase
	of context.Context
}

func (i *deadlineInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	deadline, _ := i.of.Deadline()
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return i.Next.ExecuteActivity(ctx, in)
}

// A proxy's password, a cookie or an image is nobody's business who reads histories and logs.
func TestContentOfATaskIsMasked(t *testing.T) {
	t.Parallel()
	const password, cookies = "p4ssw0rd", "session=8d3a71b2c90f4e55; lang=en"
	const address = "http://127.0.0.1:1/2captcha/submission.c2VjcmV0.bWFjbWFjbWFj"
	task := fmt.Sprintf(`{"type":"RecaptchaV2Task","proxyPassword":%q,"deep":[{"cookies":%q}]}`, password, cookies)
	for name, answer := range map[string]simulator.Answer{
		"a description":       simulator.Body(`{"errorId":110,"errorCode":"ERROR_BAD_PARAMETERS","errorDescription":"` + echo(password, cookies, address) + `"}`),
		"another code":        simulator.Body(`{"errorId":1,"errorCode":"` + password + `","errorDescription":"` + echo(password, cookies, address) + `"}`),
		"a 500":               simulator.Status(500, echo(password, cookies, address)),
		"a page on 200":       simulator.Body("<html>" + echo(password, cookies, address)),
		"JSON":                simulator.Body(`{"got":"` + echo(password, cookies, address) + `"}`),
		"a status":            simulator.Body(`{"status":"` + echo(password, cookies, address) + `"}`),
		"a part of it":        simulator.Status(400, "bad cookie "+cookies[3:17]),
		"percent and escapes": simulator.Status(400, strings.ReplaceAll(password, "4", "%34")+" "+strings.ReplaceAll(cookies[:20], "=", `\u003d`)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil, refused(answer))
			_, err := s.createTask(`{"task":` + task + `,"callbackUrl":"` + address + `"}`)
			failure := applicationError(t, err)
			details := errorDetails(t, failure)
			said := fmt.Sprintf("%s %s %+v %s", failure.Type(), failure.Message(), details, s.log)
			for _, secretText := range []string{password, cookies[3:15], "p%34ssw0rd", "submission.c2VjcmV0", "bWFjbWFjbWFj"} {
				require.NotContains(t, said, secretText)
			}
			require.Contains(t, said, "[task]")
		})
	}
}

func echo(texts ...string) string { return "you sent " + strings.Join(texts, " and ") }

// acceptingServer takes whatever it is told.
func acceptingServer() *activities.FakeServer {
	return &activities.FakeServer{
		Heartbeat: func(context.Context, any) error { return nil },
		Complete:  func(context.Context, any, error) error { return nil },
		Signal:    func(context.Context, string, any) error { return nil },
	}
}

// Teams encode payloads in their own way. submitTask's input is JSON all the same.
func TestActivitiesThatBuyWithAnotherEncoding(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.SetDataConverter(gobconverter.New())
	var out activities.CreateTaskOutput
	value, err := s.ExecuteActivity("createTask", activities.CreateTaskInput{Task: json.RawMessage(textTask)})
	require.NoError(t, err)
	require.NoError(t, value.Get(&out))
	require.Equal(t, firstTaskID, out.TaskID)

	submitted, err := s.submitTask()
	require.NoError(t, err)
	require.Equal(t, submission.Output{TaskID: firstTaskID + 1}, submitted)
	require.Equal(t, submission.Mark{Submission: "run-1"}, s.marks[1])
}
