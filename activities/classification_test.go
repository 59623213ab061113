package activities_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// outcome is what becomes of an error of the service.
type outcome struct {
	retryable bool
	delay     time.Duration
	benign    bool
}

// outcomes is the service's error table, with the codes of its relatives, and what to do about each
// code, spelled out apart from the code under test.
var outcomes = map[string]outcome{
	"ERROR_KEY_DOES_NOT_EXIST":        {},
	"ERROR_NO_SLOT_AVAILABLE":         {retryable: true},
	"ERROR_ZERO_CAPTCHA_FILESIZE":     {},
	"ERROR_TOO_BIG_CAPTCHA_FILESIZE":  {},
	"ERROR_PAGEURL":                   {},
	"ERROR_ZERO_BALANCE":              {},
	"ERROR_IP_NOT_ALLOWED":            {},
	"ERROR_CAPTCHA_UNSOLVABLE":        {benign: true},
	"ERROR_BAD_DUPLICATES":            {benign: true},
	"ERROR_NO_SUCH_METHOD":            {},
	"ERROR_IMAGE_TYPE_NOT_SUPPORTED":  {},
	"ERROR_NO_SUCH_CAPCHA_ID":         {},
	"ERROR_IP_BLOCKED":                {retryable: true, delay: 3 * time.Minute},
	"ERROR_TASK_ABSENT":               {},
	"ERROR_TASK_NOT_SUPPORTED":        {},
	"ERROR_RECAPTCHA_INVALID_SITEKEY": {},
	"ERROR_ACCOUNT_SUSPENDED":         {},
	"ERROR_BAD_PARAMETERS":            {},
	"ERROR_BAD_IMGINSTRUCTIONS":       {},
	"ERROR_BAD_PROXY":                 {},
	"ERROR_TOO_MUCH_REQUESTS":         {retryable: true},
	"ERROR_RATE_LIMIT":                {retryable: true},
	"ERROR_SERVICE_UNAVALIABLE":       {retryable: true},
}

func TestEveryCodeOfTheService(t *testing.T) {
	t.Parallel()
	codes := activities.ClientConstants(t, "error_codes.go", "Error")
	for _, code := range codes {
		require.Contains(t, outcomes, code, "package twocaptcha has a code that this test does not know the outcome of")
	}
	require.Len(t, codes, len(outcomes), "package twocaptcha lacks a code")

	for code, want := range outcomes {
		for _, status := range []int{200, 402, 429, 500} {
			t.Run(fmt.Sprintf("%s on HTTP %d", code, status), func(t *testing.T) {
				t.Parallel()
				requireOutcome(t, simulator.Error(code).WithHTTPStatus(status), code, want)
			})
		}
	}
}

func TestCodesOfNoTableAreVerdicts(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ERR_PROXY_CONNECTION_FAILED", "ERROR_NEW", "error_no_slot_available", "ERROR NO SLOT", "7"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			requireOutcome(t, simulator.Error(code), code, outcome{})
		})
	}
}

// A gateway answers with codes of its own when the service behind it is busy or down.
func TestCodesOfNoTableAreRepeatedOnBusyStatuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{408, 425, 429, 500, 502, 503, 504, 521} {
		for _, body := range []string{
			`{"errorCode":"InternalServerError"}`, `{"errorId":1,"errorCode":"ERROR_BUSY"}`, `{"errorId":1}`,
			`{"errorId":1,"errorCode":"CAPTCHA_NOT_READY"}`, `{"errorCode":"TaskTimeout"}`,
		} {
			t.Run(fmt.Sprintf("%s on HTTP %d", body, status), func(t *testing.T) {
				t.Parallel()
				e := newEnvironment(t)
				e.service.Script(taskID, simulator.Status(status, body).WithRetryAfter("7"))

				_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

				failure := applicationError(t, err)
				require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
				require.False(t, failure.NonRetryable())
				require.Equal(t, 7*time.Second, failure.NextRetryDelay())
				require.Contains(t, failure.Message(), fmt.Sprintf("HTTP status %d", status))
				require.Empty(t, errorDetails(t, failure).ErrorCode)
			})
		}
	}
}

// The service's code is the type of an error, unless that type means something else.
func TestCodesThatSpellOurOwnWords(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"InvalidInput", "UnexpectedResponse", "RequestFailed", "NotReady", "TaskTimeout", "NoAnswer", "NotSubmitted",
		"CreateTaskOutcomeUnknown", "TooManyCallers", "AlreadyRunning", "Canceled", "Terminated", "TimedOut",
		"tasktimeout", "CANCELED", " NoAnswer\n",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, simulator.Error(code).WithRetryAfter("7"))

			_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

			failure := applicationError(t, err)
			require.Equal(t, "UnexpectedResponse", failure.Type())
			require.True(t, failure.NonRetryable())
			require.Zero(t, failure.NextRetryDelay())
			require.Equal(t, fmt.Sprintf("task 74372499131: getTaskResult: the service answered with the error code %q, "+
				"which is the name of an error of this provider", strings.TrimSpace(code)), failure.Message())
			details := errorDetails(t, failure)
			require.Equal(t, strings.TrimSpace(code), details.ErrorCode)
			require.NotEmpty(t, details.ErrorDescription)
		})
	}
}

func TestAnswersThatSayProcessing(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]simulator.Answer{
		"idle":              simulator.Body(`{"errorId":0,"errorCode":"","status":"idle"}`),
		"SUCCESS":           simulator.Body(`{"errorId":0,"errorCode":"SUCCESS","status":"processing"}`),
		"HTTP 202":          simulator.Processing().WithHTTPStatus(202),
		"CAPCHA_NOT_READY":  simulator.Error("CAPCHA_NOT_READY"),
		"CAPTCHA_NOT_READY": simulator.Error("CAPTCHA_NOT_READY").WithHTTPStatus(400),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, answer)
			out, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})
			require.NoError(t, err)
			require.Equal(t, activities.GetTaskResultOutput{
				TaskID: taskID, TaskResult: twocaptcha.TaskResult{Status: twocaptcha.StatusProcessing},
			}, out)
		})
	}
}

// requireOutcome runs the activity on an error of the service, with and without the service asking
// for a delay.
func requireOutcome(t *testing.T, answer simulator.Answer, code string, want outcome) {
	t.Helper()
	for header, asked := range map[string]time.Duration{"": 0, "1": 5 * time.Second, "42": 42 * time.Second, "7200": time.Minute} {
		e := newEnvironment(t)
		e.service.Script(taskID, answer.WithRetryAfter(header))

		_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

		failure := applicationError(t, err)
		require.Equal(t, code, failure.Type())
		require.Equal(t, !want.retryable, failure.NonRetryable())
		require.Equal(t, want.benign || want.retryable, failure.Category() == temporal.ApplicationErrorCategoryBenign)
		delay := want.delay
		if want.retryable && delay == 0 {
			delay = asked
		}
		require.Equal(t, delay, failure.NextRetryDelay(), "Retry-After: %s", header)
		details := errorDetails(t, failure)
		require.Equal(t, taskID, details.TaskID)
		require.Equal(t, code, details.ErrorCode)
		require.NotZero(t, details.ErrorID)
		require.NotEmpty(t, details.ErrorDescription)
		require.Contains(t, failure.Message(), "task 74372499131: getTaskResult: "+code)
		require.Len(t, e.service.RequestsFor(taskID), 1)
	}
}

func TestAnswersThatAreNeitherResultNorError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer       simulator.Answer
		errorType    string
		nonRetryable bool
	}{
		"dropped connection":     {simulator.DroppedConnection(), activities.ErrorTypeRequestFailed, false},
		"HTTP 500":               {simulator.Status(500, "500 Internal Server Error"), activities.ErrorTypeRequestFailed, false},
		"HTTP 204":               {simulator.Status(204, ""), activities.ErrorTypeRequestFailed, false},
		"redirect":               {simulator.Redirect("http://127.0.0.1:1/"), activities.ErrorTypeRequestFailed, false},
		"HTML page":              {simulator.HTMLPage(), activities.ErrorTypeRequestFailed, false},
		"300 KB of HTML":         {simulator.Body(strings.Repeat("<p>", 100_000)), activities.ErrorTypeUnexpectedResponse, false},
		"HTML on HTTP 200":       {simulator.Body("<html>"), activities.ErrorTypeUnexpectedResponse, false},
		"truncated":              {simulator.TruncatedJSON(), activities.ErrorTypeUnexpectedResponse, false},
		"nested too deep":        {simulator.Body(strings.Repeat(`{"a":`, 20_000)), activities.ErrorTypeUnexpectedResponse, false},
		"no status":              {simulator.Body(`{}`), activities.ErrorTypeUnexpectedResponse, false},
		"ready without solution": {simulator.Body(`{"status":"ready"}`), activities.ErrorTypeUnexpectedResponse, false},
		"errorId without code":   {simulator.Body(`{"errorId":1}`), activities.ErrorTypeUnexpectedResponse, true},
		"over 256 KiB":           {simulator.Oversized(300 << 10), activities.ErrorTypeUnexpectedResponse, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnvironment(t)
			e.service.Script(taskID, test.answer)

			_, err := e.getTaskResult(activities.GetTaskResultInput{TaskID: taskID})

			failure := applicationError(t, err)
			require.Equal(t, test.errorType, failure.Type())
			require.Equal(t, test.nonRetryable, failure.NonRetryable())
			require.Equal(t, !failure.NonRetryable(), failure.Category() == temporal.ApplicationErrorCategoryBenign)
			require.Zero(t, failure.NextRetryDelay())
			require.Equal(t, taskID, errorDetails(t, failure).TaskID)
			require.Contains(t, failure.Message(), "task 74372499131")
			require.Len(t, e.service.Requests(), 1)
		})
	}
}
