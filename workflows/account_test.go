package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// run executes a workflow by its name, and returns its result as JSON.
func (e *environment) run(workflowType string, inputs ...any) (string, error) {
	e.t.Helper()
	e.ExecuteWorkflow(workflowType, inputs...)
	require.True(e.t, e.IsWorkflowCompleted(), "the workflow hasn't ended")
	if err := e.GetWorkflowError(); err != nil {
		return "", err
	}
	var result json.RawMessage
	require.NoError(e.t, e.GetWorkflowResult(&result))
	return string(result), nil
}

func TestCheckAccount(t *testing.T) {
	t.Parallel()
	for name, inputs := range map[string][]any{
		"no input": nil, "null": {nil}, "an empty object": {jsonPayload(`{}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)

			result, err := e.run(workflows.CheckAccountWorkflow, inputs...)

			require.NoError(t, err)
			var out workflows.CheckAccountOutput
			require.NoError(t, json.Unmarshal([]byte(result), &out))
			require.Equal(t, e.service.Balance(), out.Balance)
			require.JSONEq(t, `{"balance":"`+out.Balance+`"}`, result)
			require.Empty(t, e.others, "a server would choose the worker for it")
			require.Len(t, e.service.Requests(), 1)
		})
	}
}

// requestFailures are what the activities fail with, and what that means to their workflows.
var requestFailures = map[string]struct {
	failure   error // nil: what the activity itself says of a service that is not there
	code      string
	retryable bool
}{
	"without an answer": {nil, workflows.ErrorTypeNoAnswer, true},
	"down":              {activityFailure("RequestFailed", "", true), workflows.ErrorTypeNoAnswer, true},
	"unreadable":        {activityFailure(activities.ErrorTypeUnexpectedResponse, "", true), workflows.ErrorTypeNoAnswer, true},
	"without a code":    {activityFailure(activities.ErrorTypeUnexpectedResponse, "", false), activities.ErrorTypeUnexpectedResponse, false},
	"wrong key":         {activityFailure(twocaptcha.ErrorKeyDoesNotExist, twocaptcha.ErrorKeyDoesNotExist, false), twocaptcha.ErrorKeyDoesNotExist, false},
	"too many":          {activityFailure(twocaptcha.ErrorRateLimit, twocaptcha.ErrorRateLimit, true), twocaptcha.ErrorRateLimit, true},
	"of tomorrow":       {activityFailure("ERROR_DUPLICATE_REPORT", "ERROR_DUPLICATE_REPORT", false), "ERROR_DUPLICATE_REPORT", false},
}

func activityFailure(errorType, code string, retryable bool) error {
	return temporal.NewApplicationErrorWithOptions("the method failed", errorType, temporal.ApplicationErrorOptions{
		NonRetryable: !retryable, Details: []any{activities.ErrorDetails{ErrorCode: code, LastError: "failed"}},
	})
}

// failWith has each attempt fail, and returns how many there were.
func (e *environment) failWith(failure error) *int {
	if failure == nil {
		e.service.Close()
	}
	attempts := new(int)
	e.attempt = func(_ context.Context, request func() (any, error)) (any, error) {
		*attempts++
		if failure != nil {
			return nil, failure
		}
		return request()
	}
	return attempts
}

func TestCheckAccountFails(t *testing.T) {
	t.Parallel()
	for name, test := range requestFailures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			attempts := e.failWith(test.failure)

			_, err := e.run(workflows.CheckAccountWorkflow)

			failure := applicationError(t, err)
			require.Equal(t, test.code, failure.Type())
			require.NotEmpty(t, failure.Message())
			require.Equal(t, 1, *attempts)
		})
	}
}

func TestCheckAccountTakesNoInput(t *testing.T) {
	t.Parallel()
	e := newEnvironment(t)

	_, err := e.run(workflows.CheckAccountWorkflow, map[string]string{"clientKey": "x"})

	requireInvalidInput(t, applicationError(t, err))
	require.Empty(t, e.service.Requests())
}

func TestReportTask(t *testing.T) {
	t.Parallel()
	for method, input := range map[string]string{
		"reportCorrect":   `{"taskId":%d,"correct":true}`,
		"reportIncorrect": `{"correct":false, "taskId":%d}`,
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			id := e.service.Submit(simulator.Submission{Answers: []simulator.Answer{simulator.Ready(solution)}})

			result, err := e.run(workflows.ReportTaskWorkflow, jsonPayload(fmt.Sprintf(input, id)))

			require.NoError(t, err)
			require.JSONEq(t, fmt.Sprintf(`{"taskId":%d,"status":"success"}`, id), result)
			require.Len(t, e.service.Requests(), 1)
			require.Equal(t, "/"+method, e.service.Requests()[0].Path)
			require.Equal(t, int32(5), e.others[0].options.RetryPolicy.MaximumAttempts)
		})
	}
}

func TestReportTaskInGo(t *testing.T) {
	t.Parallel()
	for _, correct := range []bool{true, false} {
		e := newEnvironment(t)
		id := e.service.Submit(simulator.Submission{})

		_, err := e.run(workflows.ReportTaskWorkflow, workflows.ReportTaskInput{TaskID: id, Correct: correct})

		require.NoError(t, err)
		require.Len(t, e.service.Requests(), 1)
	}
}

func TestReportTaskFails(t *testing.T) {
	t.Parallel()
	for name, test := range requestFailures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			attempts := e.failWith(test.failure)

			_, err := e.run(workflows.ReportTaskWorkflow, workflows.ReportTaskInput{TaskID: taskID, Correct: true})

			failure := applicationError(t, err)
			require.Equal(t, test.code, failure.Type())
			require.Equal(t, taskID, errorDetails(t, failure).TaskID)
			if test.retryable {
				require.Equal(t, 5, *attempts)
			} else {
				require.Equal(t, 1, *attempts)
			}
			if test.code == workflows.ErrorTypeNoAnswer {
				require.Contains(t, failure.Message(), "task 74372499131: no answer came to the report, which the service may have taken")
			}
		})
	}
}

func TestRefusedReports(t *testing.T) {
	t.Parallel()
	const takes = `it takes a JSON object like {"taskId": 74372499131, "correct": true}`
	for text, message := range map[string]string{
		`null`:                                    "the input is null: " + takes,
		`{}`:                                      "correct is missing: " + takes,
		`{"taskId":5}`:                            "correct is missing: " + takes,
		`{"taskId":5,"correct":null}`:             "correct is missing: " + takes,
		`{"correct":true}`:                        "taskId is missing: it takes the integer",
		`{"taskId":"5","correct":true}`:           `taskId is "5": it takes the integer`,
		`{"taskId":5,"correct":"true"}`:           `correct is "true": it takes true or false`,
		`{"taskId":5,"correct":1}`:                `correct is 1: it takes true or false`,
		`{"taskId":5,"correct":true,"a":1}`:       `"a" is not a property of the input: it takes taskId and correct`,
		`{"taskId":5,"correct":true,"correct":1}`: `"correct" is given twice: it takes one value`,
	} {
		e := newEnvironment(t)

		_, err := e.run(workflows.ReportTaskWorkflow, jsonPayload(text))

		requireInvalidInput(t, applicationError(t, err))
		require.ErrorContains(t, err, message, text)
		require.Empty(t, e.service.Requests())
	}
	e := newEnvironment(t)
	_, err := e.run(workflows.ReportTaskWorkflow)
	require.ErrorContains(t, err, "there is no input: "+takes)
	require.Equal(t, activities.ErrorTypeInvalidInput, workflows.ErrorCode(err))
}

func TestSolveAndReportOptions(t *testing.T) {
	t.Parallel()
	require.Equal(t, client.StartWorkflowOptions{
		ID:                       "2captcha-solve-mine",
		TaskQueue:                "2captcha",
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:            "2captcha: submit a task and wait for its result",
	}, workflows.SolveOptions("mine"))
	require.Equal(t, client.StartWorkflowOptions{
		ID:                       "2captcha-report-74372499131",
		TaskQueue:                "2captcha",
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "2captcha: report on task 74372499131",
	}, workflows.ReportOptions(taskID))
}
