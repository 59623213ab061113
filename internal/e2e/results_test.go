package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// answerRow is what the service answers to consecutive requests for a task, and what the starter prints of it then.
type answerRow struct {
	name    string
	answers []simulator.Answer
	// prints is the JSON object, less taskId and workflowId.
	prints string
	// solution is how the solution is written in it, where its JSON may be written in more than one way.
	solution string
}

// resultRows are the answers that getTaskResult is documented with, and those that were seen beyond.
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
			`"errorDescription":"Workers could not solve the Captcha"}`,
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
			simulator.HTMLPage(), simulator.Status(http.StatusInternalServerError, "500 Internal Server Error"), simulator.Ready(`{}`),
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
		prints: `{"status":"failed","errorId":1,"errorCode":"ERROR_ZERO_BALANCE","errorDescription":"no funds"}`,
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
			`"task TASK_ID: ERROR_NO_SUCH_CAPCHA_ID: its result has expired, which the service keeps for 15 minutes after submission"}`,
	},
}

// TestResultOfEveryAnswer waits for a task of every row in one command.
func TestResultOfEveryAnswer(t *testing.T) {
	t.Parallel()
	service, taskQueue := startSimulator(t), newTaskQueue()
	startWorker(t, taskQueue, service.URL())

	rows := resultRows
	for _, verdict := range verdicts {
		description := fmt.Sprintf("what the service says of %s", verdict.code)
		rows = append(rows, answerRow{
			name:    fmt.Sprintf("%s (%d)", verdict.code, verdict.id),
			answers: []simulator.Answer{verdict.answer(description, http.StatusOK)},
			prints: fmt.Sprintf(`{"status":"failed","errorId":%d,"errorCode":%q,"errorDescription":%q}`,
				verdict.id, verdict.code, description),
		})
	}
	arguments, taskIDs := []string{"--initial-delay", "1ms"}, make([]int64, len(rows))
	for i, row := range rows {
		taskIDs[i] = newTaskID()
		service.Script(taskIDs[i], row.answers...)
		arguments = append(arguments, strconv.FormatInt(taskIDs[i], 10))
	}

	done := runStarter(t, taskQueue, arguments...)

	require.Equal(t, 1, done.status, "some tasks failed: %s", done.stderr)
	lines := linesByTask(t, done.stdout)
	require.Len(t, lines, len(rows), "one line a task")
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var want, got map[string]any
			prints := strings.ReplaceAll(row.prints, "TASK_ID", strconv.FormatInt(taskIDs[i], 10))
			require.NoError(t, json.Unmarshal([]byte(prints), &want))
			want["taskId"], want["workflowId"] = float64(taskIDs[i]), workflows.WorkflowID(taskIDs[i])
			require.NoError(t, json.Unmarshal([]byte(lines[taskIDs[i]]), &got))
			if _, given := want["createTime"]; !given && want["ip"] != nil { // the simulator's own answer has the times of this run
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
	require.Empty(t, service.CloserThan(minSpacing))
}

// linesByTask are the lines of the starter's standard output, each of which must be one JSON object of one task.
func linesByTask(t *testing.T, stdout string) map[int64]string {
	t.Helper()
	lines := map[int64]string{}
	for line := range strings.Lines(stdout) {
		taskID := taskOf(t, line)
		require.NotContains(t, lines, taskID, "a task's second line")
		lines[taskID] = line
	}
	return lines
}

// tasksInOrder are the tasks of the starter's lines, as these follow each other.
func tasksInOrder(t *testing.T, stdout string) []int64 {
	t.Helper()
	var taskIDs []int64
	for line := range strings.Lines(stdout) {
		taskIDs = append(taskIDs, taskOf(t, line))
	}
	return taskIDs
}

func taskOf(t *testing.T, line string) int64 {
	t.Helper()
	var object struct{ TaskID int64 }
	require.NoError(t, json.Unmarshal([]byte(line), &object), "the line %q", line)
	require.True(t, strings.HasSuffix(line, "\n"), "the line %q has no end", line)
	return object.TaskID
}

func TestResultsComeInOrderOfCompletion(t *testing.T) {
	t.Parallel()
	service, taskQueue := startSimulator(t), newTaskQueue()
	startWorker(t, taskQueue, service.URL())
	slow, failing, quick := newTaskID(), newTaskID(), newTaskID()
	service.Script(slow, simulator.Processing(), simulator.Processing(), simulator.Processing(), simulator.Ready(`{}`))
	service.Script(failing, simulator.Processing(), simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"))
	service.Script(quick, simulator.Ready(`{}`))

	starter := startStarter(t, taskQueue, "--initial-delay", "1ms",
		strconv.FormatInt(slow, 10), strconv.FormatInt(failing, 10), strconv.FormatInt(quick, 10))
	starter.waitForOutput(t, workflows.WorkflowID(quick))
	require.NotContains(t, starter.stdout.String(), workflows.WorkflowID(slow), "a result comes when it is there, not at the end")
	done := starter.wait(t)

	require.Equal(t, 1, done.status, done.stderr)
	require.Equal(t, []int64{quick, failing, slow}, tasksInOrder(t, done.stdout))
}

// TestTimeoutWithABan has a task whose polls are banned until its time is up.
func TestTimeoutWithABan(t *testing.T) {
	t.Parallel()
	service, taskQueue, taskID := startSimulator(t), newTaskQueue(), newTaskID()
	service.Script(taskID, simulator.Error(ipBlocked))
	startWorker(t, taskQueue, service.URL())

	done := runStarter(t, taskQueue, "--initial-delay", "1ms", "--timeout", "20s", strconv.FormatInt(taskID, 10))

	require.Equal(t, 1, done.status, done.stderr)
	var failed struct {
		ErrorID                     int64
		ErrorCode, ErrorDescription string
	}
	require.NoError(t, json.Unmarshal([]byte(done.stdout), &failed))
	require.Equal(t, workflows.ErrorTypeTaskTimeout, failed.ErrorCode)
	require.Zero(t, failed.ErrorID)
	require.Contains(t, failed.ErrorDescription, fmt.Sprintf("task %d: no result within 20s, in 2 polls; the last error: ", taskID))
	require.Contains(t, failed.ErrorDescription, ipBlocked)
	require.Len(t, service.RequestsFor(taskID), 2, "none within the ban but the last, on the deadline")
}
