package batch

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const aTask = `{"type" : "T", "n": 1.50, "a":"<&>"}`

func solveOf(id string) SolveJob {
	return SolveJob{ID: id, Input: workflows.SolveTaskInput{Task: json.RawMessage(aTask)}}
}

func TestSolveIsStartedUnderTheUsersIDWithTheTaskAsItIs(t *testing.T) {
	t.Parallel()
	server := newFakeTemporal()
	batch, observer := newBatch(server)
	batch.Detach = true
	for range 2 {
		summary, err := batch.Run(t.Context(), []Job{solveOf("x")})
		require.NoError(t, err)
		require.Empty(t, summary.Unfinished)
	}
	require.Equal(t, []string{
		`{"workflowId":"2captcha-solve-x","runId":"run of 2captcha-solve-x","status":"started"}`,
		`{"workflowId":"2captcha-solve-x","runId":"run of 2captcha-solve-x","status":"attached"}`,
	}, observer.results())
	started := server.starts[0]
	require.Equal(t, "2captcha-solve-x", started.ID)
	require.Equal(t, "2captcha", started.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, started.WorkflowIDReusePolicy, "an id is bought for once")
	require.Contains(t, string(server.arguments[0].(converter.RawValue).Payload().GetData()), aTask)
}

func TestSolvedTaskIsTheWorkflowsResultAndItsID(t *testing.T) {
	t.Parallel()
	result := twocaptcha.TaskResult{Status: "ready", Solution: json.RawMessage(`"\u003cb\u003e"`), Cost: "0.00299"}
	got, err := outcomeOf(solveOf("x"), workflows.SolveTaskOutput{
		TaskID: 6, TaskResult: result, Polls: 3, Attempts: 2, TaskIDs: []int64{5, 6},
	}, nil)
	require.NoError(t, err)
	require.Equal(t, `{"taskId":6,"status":"ready","solution":"<b>","cost":"0.00299","polls":3,"attempts":2,"taskIds":[5,6],`+
		`"workflowId":"2captcha-solve-x"}`+"\n", string(got.Line))
	require.True(t, got.Ready)
	got, err = outcomeOf(solveOf("x"), workflows.SolveTaskOutput{TaskResult: result, Attempts: 1}, nil)
	require.NoError(t, err)
	require.Equal(t, `{"status":"ready","solution":"<b>","cost":"0.00299","polls":0,"attempts":1,"workflowId":"2captcha-solve-x"}`+"\n",
		string(got.Line), "a service that solves at once gives no id")
}

func TestFailedSolveTellsWhatWasBought(t *testing.T) {
	t.Parallel()
	failure := func(code string, details workflows.ErrorDetails) error {
		return ended(temporal.NewApplicationErrorWithOptions("a message", code,
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{details}}))
	}
	const begins, message = `{"workflowId":"2captcha-solve-x","status":"failed","errorId":0,"errorCode":`, `"errorDescription":"a message"`
	for name, test := range map[string]struct {
		failure error
		line    string
		bought  []int64
	}{
		"nothing": {failure("NotSubmitted", workflows.ErrorDetails{Attempts: 1}),
			begins + `"NotSubmitted",` + message + `,"attempts":1}`, nil},
		"nobody knows": {failure("CreateTaskOutcomeUnknown", workflows.ErrorDetails{Attempts: 1, LastError: "EOF"}),
			begins + `"CreateTaskOutcomeUnknown",` + message + `,"lastError":"EOF","attempts":1}`, nil},
		"one task": {failure("TaskTimeout", workflows.ErrorDetails{TaskID: 5, Attempts: 1, TaskIDs: []int64{5}}),
			`{"taskId":5,` + begins[1:] + `"TaskTimeout",` + message + `,"attempts":1,"taskIds":[5]}`, []int64{5}},
		"two tasks": {failure("TaskTimeout", workflows.ErrorDetails{TaskID: 6, Attempts: 2, TaskIDs: []int64{5, 6}}),
			`{"taskId":6,` + begins[1:] + `"TaskTimeout",` + message + `,"attempts":2,"taskIds":[5,6]}`, []int64{6}},
		"one of two": {failure("CreateTaskOutcomeUnknown", workflows.ErrorDetails{Attempts: 2, TaskIDs: []int64{5}}),
			begins + `"CreateTaskOutcomeUnknown",` + message + `,"attempts":2,"taskIds":[5]}`, []int64{5}},
		"canceled": {ended(temporal.NewCanceledError(workflows.ErrorDetails{TaskID: 5, Attempts: 1, TaskIDs: []int64{5}})),
			`{"taskId":5,` + begins[1:] + `"Canceled","errorDescription":"the workflow was canceled before the task's result was there","attempts":1,"taskIds":[5]}`, []int64{5}},
		"terminated, and no status": {ended(&temporal.TerminatedError{}),
			begins + `"Terminated","errorDescription":"the workflow was terminated before the task's result was there; a task may have been bought: the workflow's history tells"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := outcomeOf(solveOf("x"), workflows.SolveTaskOutput{}, test.failure)
			require.NoError(t, err)
			require.Equal(t, test.line+"\n", string(got.Line))
			require.Equal(t, test.bought, got.Bought)
		})
	}
}

// A workflow that was terminated has no error that tells what it bought. Its status does.
func TestTerminatedSolveIsAskedWhatItBought(t *testing.T) {
	t.Parallel()
	server := newFakeTemporal()
	server.endWorkflow("2captcha-solve-x", nil, ended(&temporal.TerminatedError{}))
	server.endWorkflow("2captcha-solve-y", nil, ended(&temporal.TerminatedError{}))
	server.statuses = map[string]workflows.SolveTaskStatus{"2captcha-solve-x": {
		AwaitTaskResultStatus: workflows.AwaitTaskResultStatus{TaskID: 5, Polls: 2}, Attempts: 1, TaskIDs: []int64{5},
	}}
	batch, observer := newBatch(server)
	summary, err := batch.Run(t.Context(), []Job{solveOf("x"), solveOf("y")})
	require.NoError(t, err)
	require.Equal(t, Summary{Failed: 2, Bought: []int64{5}}, summary)
	require.ElementsMatch(t, []string{
		`{"taskId":5,"workflowId":"2captcha-solve-x","status":"failed","errorId":0,"errorCode":"Terminated","errorDescription":"the workflow was terminated before the task's result was there","polls":2,"attempts":1,"taskIds":[5]}`,
		`{"workflowId":"2captcha-solve-y","status":"failed","errorId":0,"errorCode":"Terminated","errorDescription":"the workflow was terminated before the task's result was there; a task may have been bought: the workflow's history tells"}`,
	}, observer.results())
}

func TestBalanceAndReportArePrinted(t *testing.T) {
	t.Parallel()
	server := newFakeTemporal()
	server.endWorkflow("2captcha-balance-1", workflows.CheckAccountOutput{Balance: "0.93958"}, nil)
	server.endWorkflow("2captcha-report-5", workflows.ReportTaskOutput{TaskID: 5, Status: "success"}, nil)
	server.endWorkflow("2captcha-report-6", nil, ended(temporal.NewApplicationErrorWithOptions("task 6: reported already", "ERROR_DUPLICATE_REPORT",
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{workflows.ErrorDetails{TaskID: 6, ErrorID: 30}}})))
	batch, observer := newBatch(server)
	summary, err := batch.Run(t.Context(), []Job{
		BalanceJob{ID: "1"},
		ReportJob{Input: workflows.ReportTaskInput{TaskID: 5, Correct: true}},
		ReportJob{Input: workflows.ReportTaskInput{TaskID: 6}},
	})
	require.NoError(t, err)
	require.Equal(t, Summary{Failed: 1}, summary)
	require.ElementsMatch(t, []string{
		`{"balance":"0.93958","workflowId":"2captcha-balance-1"}`,
		`{"taskId":5,"status":"success","workflowId":"2captcha-report-5"}`,
		`{"taskId":6,"workflowId":"2captcha-report-6","status":"failed","errorId":30,"errorCode":"ERROR_DUPLICATE_REPORT","errorDescription":"task 6: reported already"}`,
	}, observer.results())
}

func TestQueryThatFailsLeavesTheFailureAsItIs(t *testing.T) {
	t.Parallel()
	server := newFakeTemporal()
	server.queryFail = serviceerror.NewUnavailable("no worker")
	details := Server{Client: server}.detailsOf(t.Context(), solveOf("x"), ended(&temporal.TerminatedError{}))
	require.Equal(t, workflows.ErrorDetails{}, details)
}
