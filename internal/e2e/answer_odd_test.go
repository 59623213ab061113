package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// oddAnswer is an answer that the service should not give, or gives seldom, and what comes of it.
type oddAnswer struct {
	name   string
	answer simulator.Answer

	// One of three: the task is ready with this result, less its taskId and polls;
	result string
	// or it fails at once with an error of this type;
	verdict string
	// or the attempt fails with an error of this type, and the service is asked again.
	passing string

	// says is what the error's message tells.
	says string
	// description is the errorDescription, if that is what is odd.
	description string
}

const maxAnswer = 256 << 10

func oddAnswers() []oddAnswer {
	body := simulator.Body
	ready := func(solution string) simulator.Answer {
		return body(`{"errorId":0,"status":"ready","solution":` + solution + `}`)
	}
	nested := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	const unexpected, failed = activities.ErrorTypeUnexpectedResponse, activities.ErrorTypeRequestFailed
	angles := strings.Repeat("<", 255<<10)

	return []oddAnswer{
		{name: "an empty object", answer: body(`{}`), passing: unexpected,
			says: `neither a result nor an error (no status): "{}"`},
		{name: "null", answer: body(`null`), passing: unexpected,
			says: `neither a result nor an error (not a JSON object): "null"`},
		{name: "an array", answer: body(`[]`), passing: unexpected,
			says: `neither a result nor an error (not a JSON object): "[]"`},
		{name: "a number", answer: body(`0`), passing: unexpected,
			says: `neither a result nor an error (not a JSON object): "0"`},
		{name: "an empty body", answer: body(``), passing: unexpected, says: `the answer is empty`},
		{name: "white space", answer: body(" \r\n"), passing: unexpected, says: `the answer is empty`},
		{name: "no status", answer: body(`{"errorId":0}`), passing: unexpected, says: `(no status)`},
		{name: "a null status", answer: body(`{"errorId":0,"status":null}`), passing: unexpected, says: `(no status)`},
		{name: "an unknown status", answer: body(`{"errorId":0,"status":"failed"}`), passing: unexpected,
			says: `(status "failed")`},
		{name: "a status in capitals", answer: body(`{"errorId":0,"status":"READY","solution":{}}`),
			passing: unexpected, says: `(status "READY")`},
		{name: "a status that is a number", answer: body(`{"errorId":0,"status":1,"solution":{}}`),
			passing: unexpected, says: `(status "1")`},
		{name: "ready without a solution", answer: body(`{"errorId":0,"status":"ready"}`), passing: unexpected,
			says: `(ready without a solution)`},
		{name: "a null solution", answer: ready(`null`), passing: unexpected, says: `(ready without a solution)`},
		{name: "an errorId that is no number", answer: body(`{"errorId":[],"status":"processing"}`),
			passing: unexpected, says: `(errorId is not an integer)`},
		{name: "truncated JSON", answer: simulator.TruncatedJSON(), passing: unexpected,
			says: `can't be read (unexpected end of JSON input)`},
		{name: "two objects", answer: body(`{"errorId":0}{"errorId":0}`), passing: unexpected, says: `can't be read`},
		{name: "a NUL byte", answer: ready("\"a\x00b\""), passing: unexpected, says: `can't be read`},
		{name: "10,000 levels in a solution", answer: ready(nested(10_000)), passing: unexpected,
			says: `exceeded max depth`},
		{name: "an HTML page on HTTP 200", answer: body(`<!DOCTYPE html><title>api</title>`), passing: unexpected,
			says: `can't be read`},
		{name: "an HTML page of 300 KB on HTTP 200", answer: body(strings.Repeat("<p>", 100_000)), passing: unexpected,
			says: `over 256 KiB large and not a JSON object: "<p><p>`},
		{name: "a gateway's code on HTTP 502", answer: body(`{"errorCode":"InternalServerError"}`).WithHTTPStatus(502),
			passing: failed, says: `HTTP status 502 (Bad Gateway): "{"errorCode":"InternalServerError"}"`},
		{name: "an errorId without a code on HTTP 503", answer: body(`{"errorId":1}`).WithHTTPStatus(503), passing: failed,
			says: `HTTP status 503 (Service Unavailable): "{"errorId":1}"`},
		{name: "a rate limit of a relative", answer: body(`{"errorId":1,"errorCode":"ERROR_RATE_LIMIT"}`).WithHTTPStatus(429),
			passing: "ERROR_RATE_LIMIT", says: `ERROR_RATE_LIMIT on HTTP 429 (ask less often)`},
		{name: "an HTML page on HTTP 521", answer: simulator.HTMLPage(), passing: failed, says: `HTTP status 521`},
		{name: "Not Found", answer: simulator.Status(http.StatusNotFound, "Not Found"), passing: failed,
			says: `HTTP status 404 (Not Found): "Not Found"`},
		{name: "a result on HTTP 500", answer: ready(`{}`).WithHTTPStatus(500), passing: failed,
			says: `HTTP status 500 (Internal Server Error)`},
		{name: "2 MiB on HTTP 500", answer: simulator.Oversized(2 << 20).WithHTTPStatus(500), passing: failed,
			says: `HTTP status 500 (Internal Server Error)`},
		{name: "the key in an unknown status", answer: body(`{"errorId":0,"status":"` + harness.ClientKey + `"}`),
			passing: unexpected, says: `(status "[client key]")`},
		{name: "the key in an HTML page", answer: simulator.Status(502, "<p>"+harness.ClientKey+"</p>"),
			passing: failed, says: `"<p>[client key]</p>"`},

		{name: "an errorId without a code", answer: body(`{"errorId":12}`),
			verdict: unexpected, says: "errorId 12 and no errorCode"},
		{name: "a null errorCode with an errorId", answer: body(`{"errorId":12,"errorCode":null,"status":"processing"}`),
			verdict: unexpected, says: "errorId 12 and no errorCode"},
		{name: "2 MiB", answer: simulator.Oversized(2 << 20),
			verdict: unexpected, says: "over 256 KiB"},
		{name: "a byte over 256 KiB", answer: simulator.Oversized(maxAnswer + 1),
			verdict: unexpected, says: "over 256 KiB"},
		{name: "invalid UTF-8 in a description", answer: body("{\"errorId\":12,\"errorCode\":\"ERROR_CAPTCHA_UNSOLVABLE\",\"errorDescription\":\"bad \xff\xfe luck\"}"),
			verdict: "ERROR_CAPTCHA_UNSOLVABLE", description: "bad \uFFFD luck"},
		{name: "invalid UTF-8 in a code", answer: body("{\"errorId\":1,\"errorCode\":\"ERROR_\xff\"}"),
			verdict: "ERROR_\uFFFD"},
		{name: "an escaped NUL in a description", answer: body(`{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"bad\u0000luck"}`),
			verdict: "ERROR_CAPTCHA_UNSOLVABLE", description: "bad luck"},
		{name: "a description of 200 KiB", answer: body(`{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"` + strings.Repeat("ü", 100<<10) + `"}`),
			verdict: "ERROR_CAPTCHA_UNSOLVABLE", description: strings.Repeat("ü", 248) + "…"},
		{name: "a code that is a number", answer: body(`{"errorId":12,"errorCode":12}`),
			verdict: "12"},
		{name: "an errorId in a string", answer: body(`{"errorId":"12","errorCode":"ERROR_CAPTCHA_UNSOLVABLE"}`),
			verdict: "ERROR_CAPTCHA_UNSOLVABLE"},
		{name: "the key in a description", answer: body(`{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST","errorDescription":"no such key: ` + harness.ClientKey + `"}`),
			verdict: "ERROR_KEY_DOES_NOT_EXIST", description: "no such key: [client key]"},
		{name: "a code that spells an error type of ours", answer: body(`{"errorId":1,"errorCode":"TaskTimeout","errorDescription":"ha"}`),
			verdict: unexpected, says: `the error code "TaskTimeout", which is the name of an error of this provider`, description: "ha"},
		{name: "the key as a code", answer: body(`{"errorId":1,"errorCode":"` + harness.ClientKey + `"}`),
			verdict: "[client key]"},

		{name: "a result on HTTP 203", answer: ready(`{}`).WithHTTPStatus(203), result: `{"status":"ready","solution":{}}`},
		{name: "a result with bytes after it", answer: body(`{"errorId":0,"status":"ready","solution":{}}<!-- -->`),
			result: `{"status":"ready","solution":{}}`},
		{name: "an errorId of 0.0", answer: body(`{"errorId":0.0,"errorCode":"SUCCESS","status":"ready","solution":{}}`),
			result: `{"status":"ready","solution":{}}`},
		{name: "an empty solution", answer: ready(`{}`), result: `{"status":"ready","solution":{}}`},
		{name: "a string as solution", answer: ready(`"8"`), result: `{"status":"ready","solution":"8"}`},
		{name: "false as solution", answer: ready(`false`), result: `{"status":"ready","solution":false}`},
		{name: "a null errorCode", answer: body(`{"status":"ready","solution":{},"errorId":0,"errorCode":null}`),
			result: `{"status":"ready","solution":{}}`},
		{name: "strings as numbers and the reverse", answer: body(`{"errorId":"0","status":"ready","solution":{"n":"1"},"cost":0.00299,` +
			`"ip":1234,"createTime":"1692863536","endTime":"1692863556","solveCount":"0"}`),
			result: `{"status":"ready","solution":{"n":"1"},"cost":"0.00299","ip":"1234","createTime":1692863536,"endTime":1692863556,"solveCount":0}`},
		{name: "properties of types that nobody can use", answer: body(`{"errorId":0,"status":"ready","solution":{},"cost":{},` +
			`"ip":[],"createTime":true,"endTime":"soon","solveCount":1e99}`),
			result: `{"status":"ready","solution":{}}`},
		{name: "duplicate keys", answer: body(`{"errorId":1,"status":"processing","status":"ready","solution":1,"solution":{"a":1,"a":2},"errorId":0}`),
			result: `{"status":"ready","solution":{"a":1,"a":2}}`},
		{name: "names in capitals beside the right ones", answer: body(`{"errorId":0,"status":"ready","solution":{},"STATUS":"processing","Solution":null}`),
			result: `{"status":"ready","solution":{}}`},
		{name: "invalid UTF-8 in a solution", answer: ready("{\"text\":\"a\xff\xfeb\"}"),
			result: `{"status":"ready","solution":{"text":"a` + "\uFFFD" + `b"}}`},
		{name: "an escaped NUL in a solution", answer: ready(`{"text":"a\u0000b"}`),
			result: `{"status":"ready","solution":{"text":"a\u0000b"}}`},
		{name: "half a surrogate pair in a solution", answer: ready(`{"text":"a\ud800b"}`),
			result: `{"status":"ready","solution":{"text":"a\ud800b"}}`},
		{name: "a number beyond float64 in a solution", answer: ready(`{"n":1e999,"m":9007199254740993}`),
			result: `{"status":"ready","solution":{"n":1e999,"m":9007199254740993}}`},
		{name: "9,999 levels in a solution", answer: ready(nested(9_999)),
			result: `{"status":"ready","solution":` + nested(9_999) + `}`},
		{name: "255 KiB of <", answer: ready(`"` + angles + `"`),
			result: `{"status":"ready","solution":"` + angles + `"}`},
		{name: "the key in a solution", answer: ready(`{"echo":"` + harness.ClientKey + `"}`),
			result: `{"status":"ready","solution":{"echo":"[client key]"}}`},
	}
}

func TestOddAnswersOfTheService(t *testing.T) {
	t.Parallel()
	service, taskQueue, temporalClient := harness.StartSimulator(t), harness.NewTaskQueue(), harness.Dial(t)
	worker := harness.StartWorker(t, taskQueue, service.URL(), "--log-level", "debug")
	rows := oddAnswers()
	taskIDs := make([]int64, len(rows))
	arguments := []string{"--initial-delay", "1ms"}
	for i, row := range rows {
		taskIDs[i] = harness.NewTaskID()
		service.Script(taskIDs[i], row.answer, simulator.Ready(atLast))
		arguments = append(arguments, strconv.FormatInt(taskIDs[i], 10))
	}

	done := harness.RunStarter(t, taskQueue, arguments...)

	require.Equal(t, 1, done.Status, "some are to fail: %s", done.Stderr)
	lines := harness.LinesByTask(t, done.Stdout)
	require.Len(t, lines, len(rows))
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			taskID, line := taskIDs[i], strings.TrimSpace(lines[taskIDs[i]])
			history := harness.UndisturbedHistory(t, temporalClient, workflows.WorkflowID(taskID), "")
			requests := 1
			switch {
			case row.result != "":
				row.requireResult(t, taskID, history, line)
			case row.verdict != "":
				row.requireVerdict(t, history, line)
			default:
				requests = 2
				harness.RequireFailedAttempt(t, worker, taskID, row.passing, row.says)
				require.Contains(t, line, `"solution":`+atLast+`,`, "it is asked again")
				require.Contains(t, line, `"polls":1,`)
			}
			require.Len(t, service.RequestsFor(taskID), requests)
			harness.RequireSpaced(t, service, taskID)
		})
	}
}

// atLast is the solution that follows an odd answer.
const atLast = `{"text":"at last"}`

func (row oddAnswer) requireResult(t *testing.T, taskID int64, history []*historypb.HistoryEvent, line string) {
	t.Helper()
	const escaped = `\u003c` // as Temporal's converter writes <
	last := history[len(history)-1].GetWorkflowExecutionCompletedEventAttributes()
	require.NotNil(t, last, "%s", line)
	result := strings.ReplaceAll(string(last.GetResult().GetPayloads()[0].GetData()), escaped, "<")
	properties := row.result[1 : len(row.result)-1]
	requireSameText(t, fmt.Sprintf(`{"taskId":%d,%s,"polls":1}`, taskID, properties), result)
	requireSameText(t, fmt.Sprintf(`{"taskId":%d,%s,"polls":1,"workflowId":%q}`, taskID, properties,
		workflows.WorkflowID(taskID)), line)
}

func (row oddAnswer) requireVerdict(t *testing.T, history []*historypb.HistoryEvent, line string) {
	t.Helper()
	failure := harness.FailureOf(t, history)
	require.Equal(t, row.verdict, failure.GetApplicationFailureInfo().GetType(), "%s", failure)
	require.True(t, failure.GetApplicationFailureInfo().GetNonRetryable(), "every error that leaves a wait is")
	require.Contains(t, failure.GetMessage(), row.says)
	require.True(t, utf8.ValidString(failure.GetMessage()))
	require.LessOrEqual(t, len(failure.GetMessage()), 500)
	var printed struct{ Status, ErrorCode, ErrorDescription string }
	require.NoError(t, json.Unmarshal([]byte(line), &printed))
	require.Equal(t, "failed", printed.Status)
	require.Equal(t, row.verdict, printed.ErrorCode)
	if row.description != "" {
		require.Equal(t, row.description, harness.ErrorDetails(t, failure)["errorDescription"])
		require.Equal(t, row.description, printed.ErrorDescription)
	}
}

// requireSameText shows the place at which two long texts part.
func requireSameText(t *testing.T, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	parting := 0
	for parting < min(len(want), len(got)) && want[parting] == got[parting] {
		parting++
	}
	around := func(text string) string {
		return text[max(parting-100, 0):min(parting+100, len(text))]
	}
	require.FailNow(t, "not the same text", "they part at byte %d of %d and %d\nwant: %s\ngot:  %s",
		parting, len(want), len(got), around(want), around(got))
}
