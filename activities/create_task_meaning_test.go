package activities_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/internal/submission"
)

// What an answer says of money. A wrong row buys twice, or loses what was bought.
const (
	bought   = "bought"
	repeat   = "nothing bought: repeated"
	final    = "nothing bought: a verdict"
	notKnown = "unknown"
)

type createTaskAnswer struct {
	answer    simulator.Answer
	means     string
	errorType string // of repeat and final
	delay     time.Duration
}

func createTaskAnswers() map[string]createTaskAnswer {
	const failed = "RequestFailed"
	const unexpected = "UnexpectedResponse"
	body := simulator.Body
	on := func(status int, raw string) simulator.Answer { return body(raw).WithHTTPStatus(status) }
	code := func(code string) string { return `{"errorId":1,"errorCode":"` + code + `","errorDescription":"odd"}` }
	rows := map[string]createTaskAnswer{
		"a task id":                      {answer: body(`{"errorId":0,"taskId":5}`), means: bought},
		"a task id on 201":               {answer: on(201, `{"errorId":0,"taskId":5}`), means: bought},
		"a task id in a string":          {answer: body(`{"errorId":0,"taskId":"5"}`), means: bought},
		"a task id with .0":              {answer: body(`{"errorId":0,"taskId":5.0}`), means: bought},
		"a task id beside SUCCESS":       {answer: body(`{"errorId":0,"errorCode":"SUCCESS","taskId":5}`), means: bought},
		"a task id beside NO_ERROR":      {answer: body(`{"errorId":0,"errorCode":"NO_ERROR","taskId":5}`), means: bought},
		"a task id beside a null code":   {answer: body(`{"errorCode":null,"taskId":5,"status":"idle"}`), means: bought},
		"a task id beside a code":        {answer: body(`{"errorId":2,"errorCode":"ERROR_NO_SLOT_AVAILABLE","taskId":5}`), means: bought},
		"a task id on 500":               {answer: on(500, `{"errorId":0,"taskId":5}`), means: notKnown},
		"a task id on 404":               {answer: on(404, `{"errorId":0,"taskId":5}`), means: notKnown},
		"a task id on a redirect":        {answer: on(302, `{"errorId":0,"taskId":"5"}`), means: notKnown},
		"a task id and an errorId":       {answer: on(400, `{"errorId":1,"taskId":5}`), means: notKnown},
		"a task id and a code on 404":    {answer: on(404, `{"errorCode":"ERROR_NEW","taskId":5}`), means: final, errorType: "ERROR_NEW"},
		"a solution on 404":              {answer: on(404, `{"errorId":0,"status":"ready","solution":{}}`), means: final, errorType: unexpected},
		"task id 0":                      {answer: body(`{"errorId":0,"taskId":0}`), means: notKnown},
		"a negative task id":             {answer: body(`{"errorId":0,"taskId":-5}`), means: notKnown},
		"a task id beyond int64":         {answer: body(`{"errorId":0,"taskId":9223372036854775808}`), means: notKnown},
		"a task id that is a word":       {answer: body(`{"errorId":0,"taskId":"8a3c-77"}`), means: notKnown},
		"nothing in JSON":                {answer: body(`{}`), means: notKnown},
		"an errorId alone":               {answer: body(`{"errorId":1}`), means: notKnown},
		"an errorId alone on 400":        {answer: on(400, `{"errorId":1}`), means: final, errorType: unexpected},
		"an empty body":                  {answer: body(``), means: notKnown},
		"no content":                     {answer: simulator.Status(204, ""), means: notKnown},
		"a page":                         {answer: body(`<html>`), means: notKnown},
		"broken JSON":                    {answer: body(`{"errorId":0,"taskId":`), means: notKnown},
		"a connection that is closed":    {answer: simulator.DroppedConnection(), means: notKnown},
		"a connection that is reset":     {answer: simulator.ResetConnection(), means: notKnown},
		"a body that breaks off":         {answer: simulator.TruncatedBody(), means: notKnown},
		"a page of the CDN":              {answer: simulator.HTMLPage(), means: notKnown},
		"an oversized body":              {answer: body(`{"solution":"` + strings.Repeat("a", 300<<10) + `"}`), means: notKnown},
		"a redirect":                     {answer: simulator.Redirect("http://127.0.0.1:1/"), means: final, errorType: unexpected},
		"404 without a code":             {answer: simulator.Status(404, "Not Found"), means: final, errorType: unexpected},
		"408 without a code":             {answer: simulator.Status(408, ""), means: notKnown},
		"499 without a code":             {answer: simulator.Status(499, ""), means: notKnown},
		"425 without a code":             {answer: simulator.Status(425, ""), means: repeat, errorType: failed},
		"429 without a code":             {answer: simulator.Status(429, "slow down"), means: repeat, errorType: failed},
		"429 with a delay":               {answer: simulator.RetryAfter(429, "20"), means: repeat, errorType: failed, delay: 20 * time.Second},
		"429 with a short delay":         {answer: simulator.RetryAfter(429, "1"), means: repeat, errorType: failed, delay: 5 * time.Second},
		"429 with a long delay":          {answer: simulator.RetryAfter(429, "7200"), means: repeat, errorType: failed, delay: time.Minute},
		"500 without a code":             {answer: simulator.Status(500, "500 Internal Server Error"), means: notKnown},
		"503 with a delay":               {answer: simulator.RetryAfter(503, "20"), means: notKnown},
		"another code":                   {answer: body(code("ERROR_NEW")), means: final, errorType: "ERROR_NEW"},
		"another code on 402":            {answer: on(402, code("ERROR_NEW")), means: final, errorType: "ERROR_NEW"},
		"another code on 408":            {answer: on(408, code("ERROR_NEW")), means: notKnown},
		"another code on 499":            {answer: on(499, code("ERROR_NEW")), means: notKnown},
		"another code on 429":            {answer: on(429, code("ERROR_NEW")), means: repeat, errorType: failed},
		"another code on 500":            {answer: on(500, code("ERROR_NEW")), means: notKnown},
		"another code on 524":            {answer: on(524, code("ERROR_NEW")), means: notKnown},
		"a word of our own":              {answer: body(code("TaskTimeout")), means: final, errorType: unexpected},
		"a word of our own on 499":       {answer: on(499, code("CreateTaskOutcomeUnknown")), means: notKnown},
		"not ready":                      {answer: body(code("CAPCHA_NOT_READY")), means: final, errorType: "CAPCHA_NOT_READY"},
		"a code that is 0":               {answer: body(`{"errorId":0,"errorCode":"0"}`), means: notKnown},
		"unavailable":                    {answer: body(code("ERROR_SERVICE_UNAVALIABLE")), means: repeat, errorType: "ERROR_SERVICE_UNAVALIABLE"},
		"unavailable on 400":             {answer: on(400, code("ERROR_SERVICE_UNAVALIABLE")), means: repeat, errorType: "ERROR_SERVICE_UNAVALIABLE"},
		"unavailable on 408":             {answer: on(408, code("ERROR_SERVICE_UNAVALIABLE")), means: notKnown},
		"unavailable on 429":             {answer: on(429, code("ERROR_SERVICE_UNAVALIABLE")), means: repeat, errorType: "ERROR_SERVICE_UNAVALIABLE"},
		"unavailable on 499":             {answer: on(499, code("ERROR_SERVICE_UNAVALIABLE")), means: notKnown},
		"unavailable on 503":             {answer: on(503, code("ERROR_SERVICE_UNAVALIABLE")), means: notKnown},
		"ready without a solution":       {answer: body(`{"errorId":0,"status":"ready"}`), means: notKnown},
		"processing without an id":       {answer: body(`{"errorId":0,"status":"processing"}`), means: notKnown},
		"a solution without being ready": {answer: body(`{"errorId":0,"solution":{}}`), means: notKnown},
	}
	repeats := map[string]time.Duration{
		"ERROR_NO_SLOT_AVAILABLE": 0, "ERROR_IP_BLOCKED": 3 * time.Minute, "ERROR_TOO_MUCH_REQUESTS": 0, "ERROR_RATE_LIMIT": 0,
	}
	for known := range outcomes {
		if known == "ERROR_SERVICE_UNAVALIABLE" {
			continue
		}
		for _, status := range []int{200, 400, 408, 429, 499, 500, 503} {
			row := createTaskAnswer{answer: simulator.Error(known).WithHTTPStatus(status), means: final, errorType: known}
			if delay, ok := repeats[known]; ok {
				row.means, row.delay = repeat, delay
			}
			rows[fmt.Sprintf("%s on %d", known, status)] = row
		}
	}
	return rows
}

func TestWhatAnAnswerOfCreateTaskMeans(t *testing.T) {
	t.Parallel()
	for name, test := range createTaskAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil, lost(test.answer))

			out, err := s.createTask(taskInput(textTask))

			require.Len(t, s.service.Requests(), 1)
			require.NotEmpty(t, s.marks)
			mark := s.marks[0]
			require.NotEmpty(t, mark.Submission, "the mark comes first")
			switch test.means {
			case bought:
				require.NoError(t, err)
				require.Equal(t, int64(5), out.TaskID)
				require.Equal(t, []submission.Mark{mark}, s.marks)
				return
			case notKnown:
				requireUnknown(t, err, mark)
				require.Equal(t, []submission.Mark{mark}, s.marks, "the mark stays")
				return
			}
			failure := applicationError(t, err)
			require.Equal(t, test.errorType, failure.Type(), "%s", failure.Message())
			require.Equal(t, test.means == final, failure.NonRetryable())
			require.Equal(t, test.delay, failure.NextRetryDelay())
			require.Contains(t, failure.Message(), "createTask: ")
			require.NotContains(t, failure.Message(), "may have been bought")
			require.NotEmpty(t, errorDetails(t, failure).LastError)
			if test.means == repeat {
				require.Equal(t, []submission.Mark{mark, {}}, s.marks, "the mark is overwritten")
			}
		})
	}
}

// submitTask has one attempt: its workflow takes a failure for what it says, and no mark need be
// overwritten.
func TestWhatAnAnswerMeansToASubmission(t *testing.T) {
	t.Parallel()
	for name, test := range createTaskAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil, lost(test.answer))
			mark := submission.Mark{Submission: "run-1"}

			out, err := s.submitTask()

			require.Equal(t, []submission.Mark{mark}, s.marks)
			switch test.means {
			case bought:
				require.NoError(t, err)
				require.Equal(t, submission.Output{TaskID: 5}, out)
				return
			case notKnown:
				requireUnknown(t, err, mark)
				return
			}
			failure := applicationError(t, err)
			require.Equal(t, test.errorType, failure.Type())
			require.Equal(t, test.means == final, failure.NonRetryable())
			require.Equal(t, test.delay, failure.NextRetryDelay())
		})
	}
}

func TestTaskThatIsSolvedAtOnce(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"without an id": `{"errorId":0,"status":"ready","solution":{"text":"8"},"cost":"0.001"}`,
		"with an id":    `{"errorId":0,"status":"ready","solution":{"text":"8"},"cost":"0.001","taskId":5}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, nil, lost(simulator.Body(answer)))

			value, err := s.ExecuteActivity("createTask", rawJSON(taskInput(textTask)))

			require.NoError(t, err)
			var properties map[string]any
			require.NoError(t, value.Get(&properties))
			require.Equal(t, "ready", properties["status"])
			require.Equal(t, map[string]any{"text": "8"}, properties["solution"])
			require.Equal(t, name == "with an id", properties["taskId"] != nil)

			out, err := s.submitTask()
			require.NoError(t, err)
			require.JSONEq(t, `{"text":"8"}`, string(out.Result.Solution))
		})
	}
}

// Nothing was written of such a request, so that nothing can have been bought.
func TestRequestThatIsNotSent(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	resets, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { resets.Close() })
	go func() {
		for {
			connection, err := resets.Accept()
			if err != nil {
				return
			}
			connection.Close()
		}
	}()
	for name, url := range map[string]string{
		"connection refused":            "http://" + closed.Addr().String(),
		"closed in the TLS handshake":   "https://" + resets.Addr().String(),
		"a host that is not there":      "https://no-such-host.invalid",
		"a plain answer to a TLS hello": strings.Replace(newShop(t, nil).service.URL(), "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShopAt(t, nil, nil, url)
			_, err := s.createTask(taskInput(textTask))
			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
			require.False(t, failure.NonRetryable())
			require.Empty(t, s.marks, "nothing was about to be sent")
		})
	}
}

func TestEachCreateTaskHasAConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.changeAttempt(func(*activity.Info) {})
	for range 3 {
		_, err := s.createTask(taskInput(textTask))
		require.NoError(t, err)
	}
	require.Equal(t, 3, s.service.Connections())
}
