package simulator_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

const noSuchMethod = `{"errorId":14,"errorCode":"ERROR_NO_SUCH_METHOD","errorDescription":"The API method does not exist"}`

func TestRequestsThatTheServiceRefuses(t *testing.T) {
	t.Parallel()
	const right = `{"clientKey":"` + clientKey + `","taskId":7}`
	for name, test := range map[string]struct {
		method, path, contentType, body string

		status  int
		answer  string
		refused string
		taskID  int64
		key     bool
	}{
		"GET": {"GET", "/getTaskResult", "application/json", right,
			405, "405 Method Not Allowed", "HTTP method GET instead of POST", 7, true},
		"PUT": {"PUT", "/getTaskResult", "application/json", right,
			405, "405 Method Not Allowed", "HTTP method PUT instead of POST", 7, true},
		"unknown API method": {"POST", "/getTaskResults", "application/json", right,
			200, noSuchMethod, "path /getTaskResults is not a method of the API", 0, false},
		"path in another case": {"POST", "/gettaskresult", "application/json", right,
			200, noSuchMethod, "path /gettaskresult is not a method of the API", 0, false},
		"path with a slash more": {"POST", "//getTaskResult", "application/json", right,
			200, noSuchMethod, "path //getTaskResult is not a method of the API", 0, false},
		"page that isn't there": {"GET", "/", "", "",
			404, "Not Found", "path / is not a method of the API", 0, false},
		"form": {"POST", "/getTaskResult", "application/x-www-form-urlencoded", right,
			415, "415 Unsupported Media Type",
			`Content-Type "application/x-www-form-urlencoded" instead of application/json`, 7, true},
		"no content type": {"POST", "/getTaskResult", "", right,
			415, "415 Unsupported Media Type", `Content-Type "" instead of application/json`, 7, true},
		"no body": {"POST", "/getTaskResult", "application/json", "",
			400, "400 Bad Request", "the body is not a JSON object", 0, false},
		"cut short": {"POST", "/getTaskResult", "application/json", right[:len(right)-1],
			400, "400 Bad Request", "the body is not a JSON object", 0, false},
		"two bodies": {"POST", "/getTaskResult", "application/json", right + right,
			400, "400 Bad Request", "the body is not a JSON object", 0, false},
		"array": {"POST", "/getTaskResult", "application/json", "[" + right + "]",
			400, "400 Bad Request", "the body is not a JSON object", 0, false},
		"null": {"POST", "/getTaskResult", "application/json", "null",
			400, "400 Bad Request", "the body is null", 0, false},
		"no taskId": {"POST", "/getTaskResult", "application/json", `{"clientKey":"` + clientKey + `"}`,
			400, "400 Bad Request", "no taskId", 0, true},
		"taskid": {"POST", "/getTaskResult", "application/json", `{"clientKey":"` + clientKey + `","taskid":7}`,
			400, "400 Bad Request", "no taskId", 0, true},
		"taskId a string": {"POST", "/getTaskResult", "application/json",
			`{"clientKey":"` + clientKey + `","taskId":"7"}`,
			400, "400 Bad Request", `taskId "7" is not an integer`, 0, true},
		"taskId a fraction": {"POST", "/getTaskResult", "application/json",
			`{"clientKey":"` + clientKey + `","taskId":7.0}`,
			400, "400 Bad Request", "taskId 7.0 is not an integer", 0, true},
		"taskId with an exponent": {"POST", "/getTaskResult", "application/json",
			`{"clientKey":"` + clientKey + `","taskId":1e3}`,
			400, "400 Bad Request", "taskId 1e3 is not an integer", 0, true},
		"taskId null": {"POST", "/getTaskResult", "application/json",
			`{"clientKey":"` + clientKey + `","taskId":null}`,
			400, "400 Bad Request", "taskId null is not an integer", 0, true},
		"taskId beyond 64 bits": {"POST", "/getTaskResult", "application/json",
			`{"clientKey":"` + clientKey + `","taskId":9223372036854775808}`,
			400, "400 Bad Request", "taskId 9223372036854775808 is not an integer", 0, true},
		"no clientKey": {"POST", "/getTaskResult", "application/json", `{"taskId":7}`,
			400, "400 Bad Request", "no clientKey", 7, false},
		"clientKey empty": {"POST", "/getTaskResult", "application/json", `{"clientKey":"","taskId":7}`,
			400, "400 Bad Request", "no clientKey", 7, false},
		"clientKey null": {"POST", "/getTaskResult", "application/json", `{"clientKey":null,"taskId":7}`,
			400, "400 Bad Request", "no clientKey", 7, false},
		"clientKey a number": {"POST", "/getTaskResult", "application/json", `{"clientKey":12,"taskId":7}`,
			400, "400 Bad Request", "no clientKey", 7, false},
		"wrong key": {"POST", "/getTaskResult", "application/json", `{"clientKey":"` + clientKey + `0","taskId":7}`,
			200, wrongKey, "wrong client key", 7, false},
		"too long": {"POST", "/getTaskResult", "application/json", right + strings.Repeat(" ", 64<<10),
			400, "400 Bad Request", "the body can't be read: http: request body too large", 7, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, simulator.Options{})
			server.Script(7, simulator.Ready(`{}`))
			client := newClient(t, server)

			got := client.do(client.request(t.Context(), test.method, test.path, test.contentType, test.body))

			require.NoError(t, got.err)
			require.Equal(t, test.status, got.status)
			require.Equal(t, test.answer, got.body)
			record := server.Requests()[0]
			require.Equal(t, test.refused, record.Refused)
			require.Equal(t, test.taskID, record.TaskID)
			require.Equal(t, test.key, record.KeyRight)
			if test.status == 405 {
				require.Equal(t, "POST", got.header.Get("Allow"))
			}
		})
	}
}

func TestRequestsThatTheServiceAccepts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contentType, body string
		taskID            int64
	}{
		"with a charset":   {"Application/JSON; charset=utf-8", `{"clientKey":"` + clientKey + `","taskId":7}`, 7},
		"other properties": {"application/json", `{"softId":3,"taskId":7,"clientKey":"` + clientKey + `"}`, 7},
		"spaces":           {"application/json", " {\n\"clientKey\" : \"" + clientKey + "\", \"taskId\" : 7 } \n", 7},
		"beyond 32 bits":   {"application/json", `{"clientKey":"` + clientKey + `","taskId":83404376383}`, 83404376383},
		"largest": {"application/json",
			`{"clientKey":"` + clientKey + `","taskId":9223372036854775807}`, 9223372036854775807},
		"negative": {"application/json", `{"clientKey":"` + clientKey + `","taskId":-1}`, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, simulator.Options{})
			server.Script(test.taskID, simulator.Processing())
			client := newClient(t, server)

			got := client.do(client.request(t.Context(), "POST", "/getTaskResult", test.contentType, test.body))

			require.NoError(t, got.err)
			require.Equal(t, processing, got.body)
			require.Empty(t, server.RequestsFor(test.taskID)[0].Refused)
		})
	}
}
