package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// answerRow is what the service answers to consecutive requests for a task, and what the starter
// then prints.
type answerRow struct {
	name    string
	answers []simulator.Answer
	// prints is the JSON object, less taskId and workflowId.
	prints string
	// solution is how the solution is written in it, if its JSON may be written in more than one
	// way.
	solution string
}

// resultRows are the answers of getTaskResult that are documented, and others that were seen.
var resultRows = []answerRow{
	{
		name: "ready, as documented",
		answers: []simulator.Answer{simulator.Body(`{"errorId":0,"status":"ready","solution":{},"cost":"0.00299","ip":"1.2.3.4",` +
			`"createTime":1692863536,"endTime":1692863556,"solveCount":1}`)},
		prints: `{"status":"ready","solution":{},"cost":"0.00299","ip":"1.2.3.4",` +
			`"createTime":1692863536,"endTime":1692863556,"solveCount":1,"polls":1}`,
	},
	{
		name: "not ready, then ready",
		answers: []simulator.Answer{
			simulator.Body(`{"errorId":0,"status":"processing"}`),
			simulator.Body(`{"errorId":0,"status":"ready","solution":{"token":"abc"}}`),
		},
		prints: `{"status":"ready","solution":{"token":"abc"},"polls":2}`,
	},
	{
		name: "failed, as documented",
		answers: []simulator.Answer{simulator.Body(
			`{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"Workers could not solve the Captcha"}`)},
		prints: `{"status":"failed","errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE",` +
			`"errorDescription":"Workers could not solve the Captcha","polls":1}`,
	},
	{
		name:    "a solution that is a string",
		answers: []simulator.Answer{simulator.Body(`{"errorId":0,"status":"ready","solution":"8"}`)},
		prints:  `{"status":"ready","solution":"8","polls":1}`, solution: `"8"`,
	},
	{
		name: "a solution with JSON in a string, null in an array, dotted and upper-case keys",
		answers: []simulator.Answer{simulator.Body(
			`{"errorId":0,"status":"ready","solution":{"json":"{\"a\":[1,null]}","list":[null,1],"a.b":1,"UPPER":2,"upper":3}}`)},
		prints:   `{"status":"ready","solution":{"json":"{\"a\":[1,null]}","list":[null,1],"a.b":1,"UPPER":2,"upper":3},"polls":1}`,
		solution: `{"json":"{\"a\":[1,null]}","list":[null,1],"a.b":1,"UPPER":2,"upper":3}`,
	},
	{
		name: "a solution with numbers beyond a float, escaped slashes and what HTML would escape",
		answers: []simulator.Answer{simulator.Body(
			`{"errorId":0,"status":"ready","solution":{"id":12345678901234567890,"share":0.10,"url":"https:\/\/a\/?b&c","html":"<b>","text":"ünïcode"}}`)},
		prints:   `{"status":"ready","solution":{"id":12345678901234567890,"share":0.10,"url":"https:\/\/a\/?b&c","html":"<b>","text":"ünïcode"},"polls":1}`,
		solution: `{"id":12345678901234567890,"share":0.10,"url":"https:\/\/a\/?b&c","html":"<b>","text":"ünïcode"}`,
	},
	{
		name: "status last, errorCode null, the cost a number, solveCount a string",
		answers: []simulator.Answer{simulator.Body(
			`{"solution":{"text":"x"},"cost":0.00299,"solveCount":"0","errorCode":null,"errorId":0,"status":"ready"}`)},
		prints: `{"status":"ready","solution":{"text":"x"},"cost":"0.00299","solveCount":0,"polls":1}`,
	},
	{
		name: "maintenance in every form that was seen, then ready",
		answers: []simulator.Answer{
			simulator.HTMLPage(), simulator.Status(http.StatusInternalServerError,
				"500 Internal Server Error"), simulator.Ready(`{}`),
		},
		prints: `{"status":"ready","solution":{},"cost":"0.00299","ip":"1.2.3.4","solveCount":1,"polls":1}`,
	},
	{
		name:    "HTTP 404 with a text, then ready",
		answers: []simulator.Answer{simulator.Status(http.StatusNotFound, "Not Found"), simulator.Ready(`{}`)},
		prints:  `{"status":"ready","solution":{},"cost":"0.00299","ip":"1.2.3.4","solveCount":1,"polls":1}`,
	},
	{
		name: "an error of the service on HTTP 402",
		answers: []simulator.Answer{simulator.Body(
			`{"errorId":1,"errorCode":"ERROR_ZERO_BALANCE","errorDescription":"no funds"}`).WithHTTPStatus(http.StatusPaymentRequired)},
		prints: `{"status":"failed","errorId":1,"errorCode":"ERROR_ZERO_BALANCE","errorDescription":"no funds","polls":1}`,
	},
	{
		name: "no slot available, then ready",
		answers: []simulator.Answer{
			simulator.Body(`{"errorId":2,"errorCode":"ERROR_NO_SLOT_AVAILABLE","errorDescription":"the queue is full"}`),
			simulator.Body(`{"errorId":0,"status":"ready","solution":{}}`),
		},
		prints: `{"status":"ready","solution":{},"polls":1}`,
	},
	{
		name: "expired",
		answers: []simulator.Answer{
			simulator.Processing(),
			simulator.Body(`{"errorId":16,"errorCode":"ERROR_NO_SUCH_CAPCHA_ID","errorDescription":"more than 15 minutes ago"}`),
		},
		prints: `{"status":"failed","errorId":16,"errorCode":"ERROR_NO_SUCH_CAPCHA_ID","errorDescription":` +
			`"task TASK_ID: ERROR_NO_SUCH_CAPCHA_ID: its result has expired: the service keeps results for 15 minutes after submission","expired":true,"polls":2}`,
	},
}

// TestResultOfEveryAnswer waits for a task of every row in one command.
func TestResultOfEveryAnswer(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())

	rows := resultRows
	for _, verdict := range harness.Verdicts() {
		description := fmt.Sprintf("what the service says of %s", verdict.Code)
		rows = append(rows, answerRow{
			name:    fmt.Sprintf("%s (%d)", verdict.Code, verdict.ID),
			answers: []simulator.Answer{verdict.Answer(description, http.StatusOK)},
			prints: fmt.Sprintf(`{"status":"failed","errorId":%d,"errorCode":%q,"errorDescription":%q,"polls":1}`,
				verdict.ID, verdict.Code, description),
		})
	}
	arguments, taskIDs := []string{"--initial-delay", "1ms"}, make([]int64, len(rows))
	for i, row := range rows {
		taskIDs[i] = harness.NewTaskID()
		service.Script(taskIDs[i], row.answers...)
		arguments = append(arguments, strconv.FormatInt(taskIDs[i], 10))
	}

	done := harness.RunStarter(t, taskQueue, arguments...)

	require.Equal(t, 1, done.Status, "some tasks failed: %s", done.Stderr)
	lines := harness.LinesByTask(t, done.Stdout)
	require.Len(t, lines, len(rows), "one line a task")
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var want, got map[string]any
			prints := strings.ReplaceAll(row.prints, "TASK_ID", strconv.FormatInt(taskIDs[i], 10))
			require.NoError(t, json.Unmarshal([]byte(prints), &want))
			want["taskId"], want["workflowId"] = float64(taskIDs[i]), workflows.WorkflowID(taskIDs[i])
			require.NoError(t, json.Unmarshal([]byte(lines[taskIDs[i]]), &got))
			// The simulator's own answer has the times of this run.
			if _, given := want["createTime"]; !given && want["ip"] != nil {
				delete(got, "createTime")
				delete(got, "endTime")
			}
			require.Equal(t, want, got)
			if row.solution != "" {
				require.Contains(t, lines[taskIDs[i]], `"solution":`+row.solution+`,`)
			}
			require.Len(t, service.RequestsFor(taskIDs[i]), len(row.answers))
		})
	}
	require.Empty(t, service.CloserThan(harness.MinSpacing))
}

func TestResultsComeInOrderOfCompletion(t *testing.T) {
	t.Parallel()
	service, taskQueue := harness.StartSimulator(t), harness.NewTaskQueue()
	harness.StartWorker(t, taskQueue, service.URL())
	slow, failing, quick := harness.NewTaskID(), harness.NewTaskID(), harness.NewTaskID()
	service.Script(slow, simulator.Processing(), simulator.Processing(), simulator.Processing(), simulator.Ready(`{}`))
	service.Script(failing, simulator.Processing(), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
	service.Script(quick, simulator.Ready(`{}`))

	starter := harness.StartStarter(t, taskQueue, "--initial-delay", "1ms",
		strconv.FormatInt(slow, 10), strconv.FormatInt(failing, 10), strconv.FormatInt(quick, 10))
	starter.WaitForOutput(t, workflows.WorkflowID(quick))
	require.NotContains(t, starter.Stdout(), workflows.WorkflowID(slow),
		"a result comes when it is there, not at the end")
	done := starter.Wait(t)

	require.Equal(t, 1, done.Status, done.Stderr)
	require.Equal(t, []int64{quick, failing, slow}, harness.TasksInOrder(t, done.Stdout))
}

// TestTimeoutWhileTheWorkerIsToldToBeSilent has a service that tells the worker to send nothing
// until after the deadline: the last poll waits for that.
func TestTimeoutWhileTheWorkerIsToldToBeSilent(t *testing.T) {
	t.Parallel()
	const silence = 30 * time.Second
	service, taskQueue, taskID := harness.StartSimulator(t), harness.NewTaskQueue(), harness.NewTaskID()
	service.Script(taskID, simulator.RetryAfter(http.StatusTooManyRequests, "30"), simulator.Processing())
	harness.StartWorker(t, taskQueue, service.URL())

	done := harness.RunStarter(t, taskQueue, "--initial-delay", "1ms", "--timeout", "20s",
		strconv.FormatInt(taskID, 10))

	require.Equal(t, 1, done.Status, done.Stderr)
	var failed struct {
		ErrorID                     int64
		ErrorCode, ErrorDescription string
	}
	require.NoError(t, json.Unmarshal([]byte(done.Stdout), &failed))
	require.Equal(t, workflows.ErrorTypeTaskTimeout, failed.ErrorCode)
	require.Zero(t, failed.ErrorID)
	require.Contains(t, failed.ErrorDescription,
		fmt.Sprintf(`task %d: no result within 20s, in 2 polls; the last status is "processing"`, taskID))
	requests := service.RequestsFor(taskID)
	require.Len(t, requests, 2)
	require.GreaterOrEqual(t, requests[1].Arrived.Sub(requests[0].Arrived), silence)
}
