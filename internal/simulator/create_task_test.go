package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

const (
	taskAbsent    = `{"errorId":22,"errorCode":"ERROR_TASK_ABSENT","errorDescription":"The task property is missing"}`
	badParameters = `{"errorId":110,"errorCode":"ERROR_BAD_PARAMETERS",` +
		`"errorDescription":"Required parameters are missing or malformed"}`
)

// createTask sends a createTask request with the right key and these other properties, written as
// JSON.
func (c *client) createTask(properties string) response {
	c.t.Helper()
	body := fmt.Sprintf(`{"clientKey":%q,%s}`, clientKey, properties)
	return c.do(c.request(c.t.Context(), http.MethodPost, "/createTask", "application/json", body))
}

func TestCreatedTaskIsReadyAfterASecond(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	client := newClient(t, server)

	require.Equal(t, `{"errorId":0,"taskId":72345678901}`, client.createTask(`"task":{"type":"TextCaptchaTask"}`).body)
	require.Equal(t, `{"errorId":0,"taskId":72345678902}`, client.createTask(`"task":{"type":"TextCaptchaTask"}`).body)

	require.Equal(t, []string{processing}, client.bodies(72345678901, 1))
	clock.advance(time.Second)
	require.Equal(t, []string{fmt.Sprintf(readyFormat, `{"text":"hello world"}`, 1692863536, 1692863537)},
		client.bodies(72345678901, 1))
	require.Equal(t, []string{noSuchTask}, client.bodies(72345678903, 1))
	request := server.Requests()[0]
	require.Equal(t, int64(72345678901), request.Created)
	require.Equal(t, int64(0), request.TaskID, "it is not a request for the task")
	require.Equal(t, "created", request.Answer)
	require.Equal(t, 200, request.HTTPStatus)
	require.False(t, request.Finished.IsZero())
}

func TestSolutionsHaveTheShapesOfTheirTypes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	client := newClient(t, server)
	const recaptcha = `{"gRecaptchaResponse":"03ADUVZwFakeAnswer","token":"03ADUVZwFakeAnswer"}`
	solutions := map[string]string{
		"ImageToTextTask":          `{"text":"hello world"}`,
		"TextCaptchaTask":          `{"text":"hello world"}`,
		"RecaptchaV2TaskProxyless": recaptcha,
		"RecaptchaV2Task":          recaptcha,
		"RecaptchaV3TaskProxyless": recaptcha,
		"HCaptchaTaskProxyless": `{"token":"P1_eyJFakeAnswer","respKey":"E0_eyJFakeAnswer","userAgent":"Mozilla/5.0 (a fake)",` +
			`"gRecaptchaResponse":"P1_eyJFakeAnswer"}`,
		"TurnstileTaskProxyless": `{"token":"0.zrSnRHO7FakeAnswer","userAgent":"Mozilla/5.0 (a fake)"}`,
	}
	for taskType, solution := range solutions {
		client.createTask(fmt.Sprintf(`"task":{"type":%q}`, taskType))
		created := server.Requests()
		taskID := created[len(created)-1].Created
		clock.advance(time.Second)
		require.Contains(t, client.bodies(taskID, 1)[0], `"solution":`+solution, taskType)
	}
}

func TestFateOfACreatedTaskDependsOnWhatItIs(t *testing.T) {
	t.Parallel()
	endpoint := newEndpoint(t)
	seen := make(chan simulator.NewTask, 1)
	server := start(t, simulator.Options{NewTask: func(task simulator.NewTask) simulator.Submission {
		seen <- task
		return simulator.Submission{
			Answers:     []simulator.Answer{simulator.Error("ERROR_CAPTCHA_UNSOLVABLE")},
			CallbackURL: "http://127.0.0.1:1/not-the-one-that-the-request-has",
			Callbacks:   []simulator.Callback{{Code: "x"}},
		}
	}})
	client := newClient(t, server)
	callbackURL := endpoint.url("/token?own=parameter")

	created := client.createTask(`"task": {"type":"ImageToTextTask", "body":"iVBO"}, "languagePool":"rn", "softId":3847,` +
		`"callbackUrl":"` + callbackURL + `", "other":1`)

	require.Equal(t, `{"errorId":0,"taskId":72345678901}`, created.body)
	require.Equal(t, simulator.NewTask{
		Type: "ImageToTextTask", Task: json.RawMessage(`{"type":"ImageToTextTask", "body":"iVBO"}`),
		CallbackURL: callbackURL, LanguagePool: "rn", SoftID: 3847,
	}, <-seen)
	require.Equal(t, []string{unsolvable}, client.bodies(72345678901, 1))
	require.NoError(t, server.WaitForCallbacks(inTime(t), 72345678901, 1))
	require.Equal(t, []string{"POST /token?own=parameter id=72345678901&code=x"}, endpoint.requests())
}

func TestIDsOfNewTasks(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{FirstTaskID: 5})
	server.Script(6, simulator.Processing())
	require.Equal(t, int64(5), server.Submit(simulator.Submission{}))
	require.Equal(t, int64(7), server.Submit(simulator.Submission{}), "6 was scripted")
}

func TestCreateTaskRequestsThatTheServiceRefuses(t *testing.T) {
	t.Parallel()
	const (
		key  = `"clientKey":"` + clientKey + `",`
		task = `"task":{"type":"TextCaptchaTask"}`
	)
	for name, test := range map[string]struct {
		body    string
		status  int
		answer  string
		refused string
	}{
		"no body":    {"", 400, "400 Bad Request", "the body is not a JSON object"},
		"null":       {"null", 400, "400 Bad Request", "the body is null"},
		"no key":     {`{` + task + `}`, 400, "400 Bad Request", "no clientKey"},
		"wrong key":  {`{"clientKey":"wrong",` + task + `}`, 200, wrongKey, "wrong client key"},
		"no task":    {`{` + key + `"Task":{"type":"TextCaptchaTask"}}`, 200, taskAbsent, "no task"},
		"task null":  {`{` + key + `"task":null}`, 400, "400 Bad Request", "task null is not an object"},
		"task array": {`{` + key + `"task":[]}`, 400, "400 Bad Request", "task [] is not an object"},
		"task string": {`{` + key + `"task":"TextCaptchaTask"}`,
			400, "400 Bad Request", `task "TextCaptchaTask" is not an object`},
		"no type":    {`{` + key + `"task":{"Type":"x"}}`, 200, badParameters, "the task has no type"},
		"empty type": {`{` + key + `"task":{"type":""}}`, 200, badParameters, "the task has no type"},
		"type a number": {`{` + key + `"task":{"type":7}}`,
			400, "400 Bad Request", "type 7 is not a string"},
		"softId a string":   {`{` + key + task + `,"softId":"7"}`, 400, "400 Bad Request", `softId "7" is not an integer`},
		"softId a fraction": {`{` + key + task + `,"softId":7.5}`, 400, "400 Bad Request", "softId 7.5 is not an integer"},
		"softId null":       {`{` + key + task + `,"softId":null}`, 400, "400 Bad Request", "softId null is not an integer"},
		"languagePool a number": {`{` + key + task + `,"languagePool":1}`,
			400, "400 Bad Request", "languagePool 1 is not a string"},
		"unknown languagePool": {`{` + key + task + `,"languagePool":"de"}`,
			200, badParameters, `languagePool "de" is neither en nor rn`},
		"callbackUrl null": {`{` + key + task + `,"callbackUrl":null}`,
			400, "400 Bad Request", "callbackUrl null is not a string"},
		"callbackUrl empty": {`{` + key + task + `,"callbackUrl":""}`,
			200, badParameters, `callbackUrl "" must be an http or https URL`},
		"callbackUrl of another scheme": {`{` + key + task + `,"callbackUrl":"ftp://127.0.0.1/"}`,
			200, badParameters, `callbackUrl "ftp://127.0.0.1/" must be an http or https URL`},
		"callbackUrl without a scheme": {`{` + key + task + `,"callbackUrl":"localhost:8080/x"}`,
			200, badParameters, `callbackUrl "localhost:8080/x" must be an http or https URL`},
		"callbackUrl that is invalid": {`{` + key + task + `,"callbackUrl":"http://127.0.0.1:port/"}`,
			200, badParameters, `callbackUrl "http://127.0.0.1:port/" must be an http or https URL`},
		"callbackUrl elsewhere": {`{` + key + task + `,"callbackUrl":"https://example.com/x"}`,
			200, badParameters, `callbackUrl "https://example.com/x" is not on a loopback host, such as 127.0.0.1`},
		"callbackUrl that looks like loopback": {`{` + key + task + `,"callbackUrl":"http://127.0.0.1.example.com/"}`,
			200, badParameters, `callbackUrl "http://127.0.0.1.example.com/" is not on a loopback host, such as 127.0.0.1`},
		"callbackUrl with a user": {`{` + key + task + `,"callbackUrl":"http://127.0.0.1@example.com/"}`,
			200, badParameters, `callbackUrl "http://127.0.0.1@example.com/" is not on a loopback host, such as 127.0.0.1`},
		"too long": {`{` + key + task + `}` + strings.Repeat(" ", 4<<20),
			400, "400 Bad Request", "the body can't be read: http: request body too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, simulator.Options{})
			client := newClient(t, server)

			got := client.do(client.request(t.Context(), "POST", "/createTask", "application/json", test.body))

			require.NoError(t, got.err)
			require.Equal(t, test.status, got.status)
			require.Equal(t, test.answer, got.body)
			require.Equal(t, test.refused, server.Requests()[0].Refused)
			require.Equal(t, int64(0), server.Requests()[0].Created)
			require.Equal(t, []string{noSuchTask}, client.bodies(72345678901, 1), "no task was made")
		})
	}
	for name, test := range map[string]struct {
		method, contentType string
		status              int
		refused             string
	}{
		"GET": {"GET", "application/json", 405, "HTTP method GET instead of POST"},
		"form": {"POST", "application/x-www-form-urlencoded", 415,
			`Content-Type "application/x-www-form-urlencoded" instead of application/json`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, simulator.Options{})
			client := newClient(t, server)
			got := client.do(client.request(t.Context(), test.method, "/createTask", test.contentType, `{`+key+task+`}`))
			require.Equal(t, test.status, got.status)
			require.Equal(t, test.refused, server.Requests()[0].Refused)
		})
	}
}

func TestCreateTaskTakesAnImage(t *testing.T) {
	t.Parallel()
	client := newClient(t, start(t, simulator.Options{}))
	image := strings.Repeat("iVBO", 100<<10/4)
	created := client.createTask(`"task":{"type":"ImageToTextTask","body":"` + image + `"}`)
	require.Equal(t, `{"errorId":0,"taskId":72345678901}`, created.body)
}

func TestWrongKeysOfCreateTaskAreBannedToo(t *testing.T) {
	t.Parallel()
	clock := newClock()
	server := start(t, simulator.Options{Clock: clock.now})
	client := newClient(t, server)
	const task = `"task":{"type":"TextCaptchaTask"}`
	for range 4 {
		wrong := client.request(t.Context(), "POST", "/createTask", "application/json", `{"clientKey":"wrong",`+task+`}`)
		require.Equal(t, wrongKey, client.do(wrong).body)
	}
	require.Equal(t, wrongKey, client.getTaskResultWith(t.Context(), "wrong", 7).body, "the two methods count together")

	require.Equal(t, blocked, client.createTask(task).body)
	require.Equal(t, []string{blocked}, client.bodies(7, 1))
	clock.advance(10 * time.Minute)
	require.Equal(t, `{"errorId":0,"taskId":72345678901}`, client.createTask(task).body)
}

func TestCreatedTasksAddToThePollBudget(t *testing.T) {
	t.Parallel()
	server := start(t, simulator.Options{})
	client := newClient(t, server)
	client.transport.DisableKeepAlives = false
	client.createTask(`"task":{"type":"TextCaptchaTask"}`)
	for range 20 + 1200 {
		require.NotEqual(t, []string{blocked}, client.bodies(72345678901, 1))
	}
	require.Equal(t, []string{blocked}, client.bodies(72345678901, 1))
	require.Equal(t, "banned for more than 1220 requests for 1 tasks", server.RequestsFor(72345678901)[1220].Refused)
}
