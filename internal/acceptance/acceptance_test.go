package acceptance

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const simulatorKey = "0123456789abcdef0123456789abcdef"

// TestServiceAnswersInTheSimulatorsForm asks the real service if TWOCAPTCHA_ACCEPTANCE is 1, and
// then buys one task. See CONTRIBUTING.md.
func TestServiceAnswersInTheSimulatorsForm(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	options, pollInterval := simulatorOptions(startSimulator(t)), time.Duration(0)
	if os.Getenv("TWOCAPTCHA_ACCEPTANCE") == "1" {
		options = twocaptcha.Options{
			ClientKey:     os.Getenv("TWOCAPTCHA_API_KEY"),
			ClientKeyFile: os.Getenv("TWOCAPTCHA_API_KEY_FILE"),
			URL:           os.Getenv("TWOCAPTCHA_API_URL"),
		}
		pollInterval = 5 * time.Second // the service's rule
	}
	found, err := compareWithSimulator(ctx, t, options, pollInterval)
	for _, difference := range found {
		t.Error(difference)
	}
	require.NoError(t, err)
}

func TestDifferencesAreFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method           string
		old, replacement string // in the body
		change           func(*http.Response)
		found            string
	}{
		"an absent property": {"getTaskResult", `"ip":"1.2.3.4",`, ``, nil,
			"getTaskResult, ready: body.ip: the service: absent; the simulator: string"},
		"a property more": {"getTaskResult", `"ip"`, `"queue":{},"ip"`, nil,
			"getTaskResult, ready: body.queue: the service: object; the simulator: absent"},
		"a property more in the solution": {"getTaskResult", `{"text"`, `{"score":0.5,"text"`, nil,
			"getTaskResult, ready: body.solution.score: the service: number; the simulator: absent"},
		"a number for a decimal in a string": {"getTaskResult", `"0.00299"`, `0.00299`, nil,
			"getTaskResult, ready: body.cost: the service: number; the simulator: string"},
		"null for an integer": {"getTaskResult", `"solveCount":1`, `"solveCount":null`, nil,
			"getTaskResult, ready: body.solveCount: the service: null; the simulator: integer"},
		"another word while a task is processing": {"getTaskResult", `"processing"`, `"idle"`, nil,
			`body.status: the service: string "idle"`},
		"a decimal in a string for a number": {"getBalance", `10000.00000`, `"10000.00000"`, nil,
			"getBalance: body.balance: the service: string; the simulator: number"},
		"an id in a string": {"createTask", `"taskId":72345678901`, `"taskId":"72345678901"`, nil,
			"createTask: body.taskId: the service: string; the simulator: integer"},
		"another error code": {"getTaskResult", "ERROR_NO_SUCH_CAPCHA_ID", "ERROR_NO_SUCH_CAPTCHA_ID", nil,
			`getTaskResult of an unknown id: body.errorCode: the service: string "ERROR_NO_SUCH_CAPTCHA_ID"; ` +
				`the simulator: string "ERROR_NO_SUCH_CAPCHA_ID"`},
		"another error id": {"getTaskResult", `"errorId":16`, `"errorId":1`, nil,
			`getTaskResult of an unknown id: body.errorId: the service: integer "1"; the simulator: integer "16"`},
		"another HTTP status": {"reportCorrect", ``, ``, func(r *http.Response) { r.StatusCode = 202 },
			"report: HTTP status: the service: 202; the simulator: 200"},
		"another content type": {"getBalance", ``, ``, func(r *http.Response) { r.Header.Set("Content-Type", "text/html") },
			"getBalance: content type: the service: text/html; the simulator: application/json; charset=utf-8"},
		"no JSON": {"getBalance", `{"errorId":0`, `<html>`, nil,
			"getBalance: body: the service: not JSON; the simulator: object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := changedService(t, test.method, func(response *http.Response, body string) string {
				if test.change != nil {
					test.change(response)
				}
				return strings.Replace(body, test.old, test.replacement, 1)
			})
			found, _ := compareWithSimulator(t.Context(), t, twocaptcha.Options{ClientKey: simulatorKey, URL: service}, 0)
			require.Contains(t, strings.Join(found, "\n"), test.found)
		})
	}
}

// A service that fails halfway is told of, with what was found before.
func TestConversationThatEndsEarly(t *testing.T) {
	t.Parallel()
	service := changedService(t, "createTask", func(_ *http.Response, _ string) string {
		return `{"errorId":10,"errorCode":"ERROR_ZERO_BALANCE","errorDescription":"` + simulatorKey + `"}`
	})
	found, err := compareWithSimulator(t.Context(), t, twocaptcha.Options{ClientKey: simulatorKey, URL: service}, 0)
	require.ErrorContains(t, err, "createTask must succeed: createTask: ERROR_ZERO_BALANCE")
	text := err.Error() + strings.Join(found, "\n")
	require.Contains(t, text, `createTask: body.errorCode: the service: string "ERROR_ZERO_BALANCE"; the simulator: absent`)
	require.NotContains(t, text, simulatorKey)
}

func TestKeyThatIsEchoedIsNotPrinted(t *testing.T) {
	t.Parallel()
	service := changedService(t, "getTaskResult", func(_ *http.Response, body string) string {
		return strings.NewReplacer("ERROR_NO_SUCH_CAPCHA_ID", simulatorKey, `"errorCode"`, `"`+simulatorKey+`":1,"errorCode"`).Replace(body)
	})
	found, err := compareWithSimulator(t.Context(), t, twocaptcha.Options{ClientKey: simulatorKey, URL: service}, 0)
	require.NoError(t, err)
	require.Contains(t, strings.Join(found, "\n"), "[client key]")
	require.NotContains(t, strings.Join(found, "\n"), simulatorKey)
}

// compareWithSimulator holds the same conversation with the service and with a simulator.
func compareWithSimulator(
	ctx context.Context, t *testing.T, service twocaptcha.Options, pollInterval time.Duration,
) ([]string, error) {
	t.Helper()
	asked, err := newConversation(service, pollInterval, t.Logf)
	require.NoError(t, err)
	reference, err := newConversation(simulatorOptions(startSimulator(t)), 0, func(string, ...any) {})
	require.NoError(t, err)
	require.NoError(t, reference.run(ctx))
	err = asked.run(ctx)
	return compare(asked, reference), err
}

func startSimulator(t *testing.T) *simulator.Server {
	t.Helper()
	server, err := simulator.Start(simulator.Options{ClientKey: simulatorKey, NewTask: func(simulator.NewTask) simulator.Submission {
		return simulator.Submission{Answers: []simulator.Answer{simulator.Processing(), simulator.Ready(`{"text":"Friday"}`)}}
	}})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server
}

func simulatorOptions(server *simulator.Server) twocaptcha.Options {
	return twocaptcha.Options{ClientKey: simulatorKey, URL: server.URL()}
}

// changedService is a simulator whose answers to a method are changed on their way.
func changedService(t *testing.T, method string, change func(response *http.Response, body string) string) (address string) {
	t.Helper()
	target, err := url.Parse(startSimulator(t).URL())
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) { request.SetURL(target) },
		ModifyResponse: func(response *http.Response) error {
			if response.Request.URL.Path != "/"+method {
				return nil
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				return err
			}
			changed := change(response, string(body))
			response.Body = io.NopCloser(bytes.NewReader([]byte(changed)))
			response.Header.Del("Content-Length")
			response.ContentLength = int64(len(changed))
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}
