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
)

// outcome is what becomes of an error of the service.
type outcome struct {
	retryable bool
	delay     time.Duration
	benign    bool
}

// outcomes is the service's error table with what to do about each code, spelled out apart from the
// code under test.
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
}

func TestEveryCodeOfTheService(t *testing.T) {
	t.Parallel()
	codes := activities.ClientConstants(t, "error_codes.go", "Error")
	for _, code := range codes {
		require.Contains(t, outcomes, code, "package twocaptcha has a code that this test does not know the outcome of")
	}
	require.Len(t, codes, len(outcomes), "package twocaptcha lacks a code")

	for code, want := range outcomes {
		for _, status := range []int{200, 402, 500} {
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
		require.Equal(t, want.benign, failure.Category() == temporal.ApplicationErrorCategoryBenign)
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
			require.Equal(t, temporal.ApplicationErrorCategoryUnspecified, failure.Category())
			require.Zero(t, failure.NextRetryDelay())
			require.Equal(t, taskID, errorDetails(t, failure).TaskID)
			require.Contains(t, failure.Message(), "task 74372499131")
			require.Len(t, e.service.Requests(), 1)
		})
	}
}
