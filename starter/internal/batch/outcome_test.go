package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

func TestReadyTaskIsTheWorkflowsResultAndItsID(t *testing.T) {
	t.Parallel()
	created, solved := int64(1692863536), int64(0)
	got, err := outcomeOf(task(74372499131), workflows.AwaitTaskResultOutput{
		TaskID: 74372499131,
		TaskResult: twocaptcha.TaskResult{
			Status: "ready", Solution: json.RawMessage(`{"n":1.50,"a":[null]}`), Cost: "0.00299", CreateTime: &created, SolveCount: &solved,
		},
		Polls: 3,
	}, nil)
	require.NoError(t, err)
	require.Equal(t, `{"taskId":74372499131,"status":"ready","solution":{"n":1.50,"a":[null]},"cost":"0.00299",`+
		`"createTime":1692863536,"solveCount":0,"polls":3,"workflowId":"2captcha-task-74372499131"}`+"\n", string(got.Line),
		"every property of the result, without those that the service left out")
	require.True(t, got.Ready)
}

// Temporal's converter writes <, > and & as escapes. Users get the solution as the service wrote
// it.
func TestSolutionIsAsTheServiceWroteIt(t *testing.T) {
	t.Parallel()
	for _, solution := range []string{
		`"<b>&amp;</b>"`,
		`{"<":">","url":"https://example.com/?a=b&c=d"}`,
		`"\\u003c is five characters after a backslash"`,
		`"\\\\u003c \\ \" \/ <"`,
		`"8"`,
		`[null,1e2,0.10,12345678901234567890]`,
		`""`,
	} {
		sent := workflows.AwaitTaskResultOutput{
			TaskID: 5, TaskResult: twocaptcha.TaskResult{Status: "ready", Solution: json.RawMessage(solution)},
		}
		var received workflows.AwaitTaskResultOutput
		require.NoError(t, converter.GetDefaultDataConverter().FromPayload(payload(t, sent), &received))
		got, err := outcomeOf(task(5), received, nil)
		require.NoError(t, err)
		require.Equal(t, `{"taskId":5,"status":"ready","solution":`+solution+`,"polls":0,"workflowId":"2captcha-task-5"}`+"\n", string(got.Line))
	}
}

func TestFailedTask(t *testing.T) {
	t.Parallel()
	unsolvable := temporal.NewApplicationErrorWithOptions("task 5: getTaskResult: ERROR_CAPTCHA_UNSOLVABLE", "ERROR_CAPTCHA_UNSOLVABLE",
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{workflows.ErrorDetails{
			TaskID: 5, ErrorID: 12, ErrorCode: "ERROR_CAPTCHA_UNSOLVABLE", ErrorDescription: "Workers could not solve the Captcha", Polls: 2,
		}}})
	expired := temporal.NewApplicationErrorWithOptions("task 5: its result has expired", "ERROR_NO_SUCH_CAPCHA_ID",
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{workflows.ErrorDetails{
			TaskID: 5, ErrorID: 16, ErrorCode: "ERROR_NO_SUCH_CAPCHA_ID", ErrorDescription: "Task not found", Expired: true, Polls: 9,
		}}})
	timeout := temporal.NewApplicationErrorWithOptions("task 5: no result within 15m0s, in 92 polls", workflows.ErrorTypeTaskTimeout,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{workflows.ErrorDetails{
			TaskID: 5, Polls: 92, LastStatus: "processing", LastError: "HTTP status 521: <html> …",
		}}})
	foreign := temporal.NewApplicationErrorWithOptions("it <broke>", "SomethingElse",
		temporal.ApplicationErrorOptions{Details: []any{"no object"}})
	tests := map[string]struct {
		failure error
		line    string
		problem string
		polls   int
	}{
		"the service's error": {ended(unsolvable),
			`"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"Workers could not solve the Captcha","polls":2`, "ERROR_CAPTCHA_UNSOLVABLE", 2},
		"expired": {ended(expired),
			`"errorId":16,"errorCode":"ERROR_NO_SUCH_CAPCHA_ID","errorDescription":"task 5: its result has expired","expired":true,"polls":9`, "ERROR_NO_SUCH_CAPCHA_ID", 9},
		"timeout": {ended(timeout),
			`"errorId":0,"errorCode":"TaskTimeout","errorDescription":"task 5: no result within 15m0s, in 92 polls","polls":92,"lastError":"HTTP status 521: <html> …"`, "TaskTimeout", 92},
		"details of another form": {ended(foreign),
			`"errorId":0,"errorCode":"SomethingElse","errorDescription":"it <broke>"`, "SomethingElse", 0},
		"canceled": {ended(temporal.NewCanceledError()),
			`"errorId":0,"errorCode":"Canceled","errorDescription":"the workflow was canceled before the task's result was there"`, "Canceled", 0},
		"terminated": {ended(&temporal.TerminatedError{}),
			`"errorId":0,"errorCode":"Terminated","errorDescription":"the workflow was terminated before the task's result was there"`, "Terminated", 0},
		"timed out": {ended(temporal.NewTimeoutError(1, nil)),
			`"errorId":0,"errorCode":"TimedOut","errorDescription":"the workflow ran into the timeout that it was started with, not into the task's timeout"`, "TimedOut", 0},
		"deleted": {serviceerror.NewNotFound("workflow not found"),
			`"errorId":0,"errorCode":"","errorDescription":"the workflow was deleted before its result was read: workflow not found"`,
			"the workflow was deleted before its result was read: workflow not found", 0},
		"anything else": {errors.New("unable to decode"),
			`"errorId":0,"errorCode":"","errorDescription":"unable to decode"`, "unable to decode", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := outcomeOf(task(5), workflows.AwaitTaskResultOutput{}, test.failure)
			require.NoError(t, err)
			require.Equal(t, `{"taskId":5,"workflowId":"2captcha-task-5","status":"failed",`+test.line+"}\n", string(got.Line))
			require.False(t, got.Ready)
			require.Equal(t, test.problem, got.Problem)
			require.Equal(t, test.polls, got.Polls)
		})
	}
}

func TestAnotherWorkflowUnderTheTasksID(t *testing.T) {
	t.Parallel()
	got, err := outcomeOf(task(5), workflows.AwaitTaskResultOutput{TaskID: 6}, nil)
	require.NoError(t, err)
	require.Equal(t, `{"taskId":5,"workflowId":"2captcha-task-5","status":"failed","errorId":0,"errorCode":"",`+
		`"errorDescription":"the workflow 2captcha-task-5 does not wait for this task"}`+"\n", string(got.Line))
}

// outcomeOf is the outcome of a job whose workflow returned output, or ended with failure.
func outcomeOf(job Job, output any, failure error) (Outcome, error) {
	outcome, err := job.read(func(result any) error {
		reflect.ValueOf(result).Elem().Set(reflect.ValueOf(output))
		return failure
	})
	if err != nil {
		details, _ := workflows.Details(err)
		return failedOutcome(job, err, details)
	}
	return outcome, nil
}

// ended returns the error that a client gets if a workflow ended with cause: it was on the server
// meanwhile, and is wrapped.
func ended(cause error) error {
	converter := temporal.GetDefaultFailureConverter()
	return fmt.Errorf("workflow execution error: %w", converter.FailureToError(converter.ErrorToFailure(cause)))
}

func payload(t *testing.T, value any) *commonpb.Payload {
	result, err := converter.GetDefaultDataConverter().ToPayload(value)
	require.NoError(t, err)
	return result
}
