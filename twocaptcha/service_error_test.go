package twocaptcha_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// serviceCodes is the service's error table, and what its relatives add to it.
var serviceCodes = map[string]int64{
	"ERROR_KEY_DOES_NOT_EXIST":        1,
	"ERROR_NO_SLOT_AVAILABLE":         2,
	"ERROR_ZERO_CAPTCHA_FILESIZE":     3,
	"ERROR_TOO_BIG_CAPTCHA_FILESIZE":  4,
	"ERROR_PAGEURL":                   5,
	"ERROR_ZERO_BALANCE":              10,
	"ERROR_IP_NOT_ALLOWED":            11,
	"ERROR_CAPTCHA_UNSOLVABLE":        12,
	"ERROR_BAD_DUPLICATES":            13,
	"ERROR_NO_SUCH_METHOD":            14,
	"ERROR_IMAGE_TYPE_NOT_SUPPORTED":  15,
	"ERROR_NO_SUCH_CAPCHA_ID":         16,
	"ERROR_IP_BLOCKED":                21,
	"ERROR_TASK_ABSENT":               22,
	"ERROR_TASK_NOT_SUPPORTED":        23,
	"ERROR_RECAPTCHA_INVALID_SITEKEY": 31,
	"ERROR_ACCOUNT_SUSPENDED":         55,
	"ERROR_BAD_PARAMETERS":            110,
	"ERROR_BAD_IMGINSTRUCTIONS":       115,
	"ERROR_BAD_PROXY":                 130,
	"ERROR_TOO_MUCH_REQUESTS":         1,
	"ERROR_RATE_LIMIT":                1,
	"ERROR_SERVICE_UNAVALIABLE":       1,
}

func TestEveryCodeOnEveryStatus(t *testing.T) {
	t.Parallel()
	require.Len(t, serviceCodes, 23)
	codes := map[string]int64{"ERR_PROXY_CONNECTION_FAILED": 1, "ERROR_OF_TOMORROW": 9223372036854775807}
	for code, id := range serviceCodes {
		codes[code] = id
	}
	var status int
	var body string
	requests := 0
	server := startService(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	})
	for _, key := range []string{clientKey, "ERROR_", "KEY", "E"} { // a key that is part of a code does not change it
		client := newClient(t, server.URL, func(o *twocaptcha.Options) { o.ClientKey = key })
		for code, id := range codes {
			if _, known := serviceCodes[code]; !known && key != clientKey {
				continue
			}
			for _, status = range []int{200, 400, 401, 402, 429, 500} {
				body = fmt.Sprintf(`{"errorId":%d,"errorCode":"%s","errorDescription":"1 & 2"}`, id, code)
				requests = 0
				_, err := client.GetTaskResult(t.Context(), taskID)
				if _, known := serviceCodes[code]; !known && (status == 429 || status == 500) {
					failure := requireTransportError(t, err, twocaptcha.ReasonStatus)
					require.Equal(t, 7*time.Second, failure.RetryAfter)
					require.ErrorContains(t, err, code)
					continue
				}
				require.Equal(t, &twocaptcha.ServiceError{
					Method: "getTaskResult", TaskID: taskID, ErrorID: id, Code: code, Description: "1 & 2", HTTPStatus: status, RetryAfter: 7e9,
				}, requireServiceError(t, err))
				require.ErrorContains(t, err, "task 74372499131: getTaskResult: "+code)
				require.Equal(t, 1, requests)
			}
		}
	}
}

func TestConstantsAreTheTablesCodes(t *testing.T) {
	t.Parallel()
	constants := map[string]string{
		twocaptcha.ErrorKeyDoesNotExist:         "ERROR_KEY_DOES_NOT_EXIST",
		twocaptcha.ErrorNoSlotAvailable:         "ERROR_NO_SLOT_AVAILABLE",
		twocaptcha.ErrorZeroCaptchaFileSize:     "ERROR_ZERO_CAPTCHA_FILESIZE",
		twocaptcha.ErrorTooBigCaptchaFileSize:   "ERROR_TOO_BIG_CAPTCHA_FILESIZE",
		twocaptcha.ErrorPageURL:                 "ERROR_PAGEURL",
		twocaptcha.ErrorZeroBalance:             "ERROR_ZERO_BALANCE",
		twocaptcha.ErrorIPNotAllowed:            "ERROR_IP_NOT_ALLOWED",
		twocaptcha.ErrorCaptchaUnsolvable:       "ERROR_CAPTCHA_UNSOLVABLE",
		twocaptcha.ErrorBadDuplicates:           "ERROR_BAD_DUPLICATES",
		twocaptcha.ErrorNoSuchMethod:            "ERROR_NO_SUCH_METHOD",
		twocaptcha.ErrorImageTypeNotSupported:   "ERROR_IMAGE_TYPE_NOT_SUPPORTED",
		twocaptcha.ErrorNoSuchCapchaID:          "ERROR_NO_SUCH_CAPCHA_ID",
		twocaptcha.ErrorIPBlocked:               "ERROR_IP_BLOCKED",
		twocaptcha.ErrorTaskAbsent:              "ERROR_TASK_ABSENT",
		twocaptcha.ErrorTaskNotSupported:        "ERROR_TASK_NOT_SUPPORTED",
		twocaptcha.ErrorRecaptchaInvalidSitekey: "ERROR_RECAPTCHA_INVALID_SITEKEY",
		twocaptcha.ErrorAccountSuspended:        "ERROR_ACCOUNT_SUSPENDED",
		twocaptcha.ErrorBadParameters:           "ERROR_BAD_PARAMETERS",
		twocaptcha.ErrorBadImgInstructions:      "ERROR_BAD_IMGINSTRUCTIONS",
		twocaptcha.ErrorBadProxy:                "ERROR_BAD_PROXY",
		twocaptcha.ErrorTooMuchRequests:         "ERROR_TOO_MUCH_REQUESTS",
		twocaptcha.ErrorRateLimit:               "ERROR_RATE_LIMIT",
		twocaptcha.ErrorServiceUnavaliable:      "ERROR_SERVICE_UNAVALIABLE",
	}
	require.Len(t, constants, len(serviceCodes))
	for constant, code := range constants {
		require.Equal(t, code, constant)
		require.Contains(t, serviceCodes, code)
	}
}

func TestErrorTextsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for status, expected := range map[int]string{
		200: "task 74372499131: getTaskResult: ERROR_KEY_DOES_NOT_EXIST (check the client key): wrong key",
		401: "task 74372499131: getTaskResult: ERROR_KEY_DOES_NOT_EXIST on HTTP 401 (check the client key): wrong key",
	} {
		_, err := ask(t, status, `{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST","errorDescription":"wrong key"}`)
		require.EqualError(t, err, expected)
	}
	require.EqualError(t, &twocaptcha.TransportError{Method: "getTaskResult", TaskID: 5, Reason: twocaptcha.ReasonStatus},
		"task 5: getTaskResult: status")
}

func TestErrorsOfOddShapes(t *testing.T) {
	t.Parallel()
	for body, expected := range map[string]twocaptcha.ServiceError{
		`{"errorId":"12","errorCode":"ERROR_CAPTCHA_UNSOLVABLE"}`:            {ErrorID: 12, Code: "ERROR_CAPTCHA_UNSOLVABLE"},
		`{"errorCode":"ERROR_ZERO_BALANCE\n","errorDescription":null}`:       {Code: "ERROR_ZERO_BALANCE"},
		`{"errorId":1,"errorCode":42,"errorDescription":7}`:                  {ErrorID: 1, Code: "42", Description: "7"},
		`{"errorId":12.0,"errorCode":"X"}`:                                   {ErrorID: 12, Code: "X"},
		`{"errorId":1e400,"errorCode":"X"}`:                                  {Code: "X"},
		`{"errorId":9223372036854775808,"errorCode":"X"}`:                    {Code: "X"},
		`{"errorId":{},"errorCode":"X","errorDescription":{"a":"b"}}`:        {Code: "X", Description: `{"a":"b"}`},
		`{"errorId":0,"errorCode":"X","status":"processing"}`:                {Code: "X"},
		`{"errorId":12,"errorCode":"X","status":"ready","solution":{}}`:      {ErrorID: 12, Code: "X"},
		`{"errorId":0,"errorCode":"X","status":"ready","solution":null}`:     {Code: "X"},
		`{"errorId":-1,"errorCode":"X"}`:                                     {ErrorID: -1, Code: "X"},
		`{"errorId":1,"errorCode":"A\u0000B\u001b[0m","errorDescription":9}`: {ErrorID: 1, Code: "A B [0m", Description: "9"},
		"{\"errorCode\":\"X\",\"errorDescription\":\"a\xffb\\ud800\\nc\\\\d\"}": {Code: "X",
			Description: "a\ufffdb\ufffd c\\d"},
	} {
		_, err := ask(t, http.StatusOK, body)
		expected.Method, expected.TaskID, expected.HTTPStatus = "getTaskResult", taskID, 200
		require.Equal(t, &expected, requireServiceError(t, err), "for %s", body)
	}
}

func TestLongTextsOfTheServiceAreCut(t *testing.T) {
	t.Parallel()
	for offset := range 4 { // so that the limit falls within a rune, too
		code := strings.Repeat("x", offset) + strings.Repeat("é", 5000)
		_, err := ask(t, http.StatusOK, `{"errorCode":"`+code+`","errorDescription":"`+code+`"}`)
		failure := requireServiceError(t, err)
		requireText(t, failure.Code, 100)
		requireText(t, failure.Description, 500)
		requireText(t, err.Error(), 500)
		for _, text := range []string{failure.Code, failure.Description, err.Error()} {
			require.True(t, strings.HasSuffix(text, "é…"), "the cut %q ends in a whole rune and an ellipsis", text)
		}
		require.Greater(t, len(err.Error()), 490)
	}
}

// requireText checks what holds for every text of an error.
func requireText(t testing.TB, text string, limit int) {
	t.Helper()
	require.LessOrEqual(t, len(text), limit, "length of %q", text)
	require.True(t, utf8.ValidString(text), "valid UTF-8 in %q", text)
	require.False(t, strings.ContainsFunc(text, unicode.IsControl), "control characters in %q", text)
}
