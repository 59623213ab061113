package harness

import (
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// Codes that are used by name. "CAPCHA" is the service's spelling.
const (
	NoSuchTask      = "ERROR_NO_SUCH_CAPCHA_ID"
	NoSlotAvailable = "ERROR_NO_SLOT_AVAILABLE"
	IPBlocked       = "ERROR_IP_BLOCKED"
)

// ErrorCode is a row of the service's error table, written out here so that a code which the
// provider misspells is found.
type ErrorCode struct {
	ID       int64
	Code     string
	Expected bool // an expected outcome is in the benign category
	// Undocumented codes are in no table. On HTTP 5xx a gateway may have written them.
	Undocumented bool
}

// Verdicts are all codes except the two that may go away.
func Verdicts() []ErrorCode {
	return []ErrorCode{
		{ID: 1, Code: "ERROR_KEY_DOES_NOT_EXIST"},
		{ID: 3, Code: "ERROR_ZERO_CAPTCHA_FILESIZE"},
		{ID: 4, Code: "ERROR_TOO_BIG_CAPTCHA_FILESIZE"},
		{ID: 5, Code: "ERROR_PAGEURL"},
		{ID: 10, Code: "ERROR_ZERO_BALANCE"},
		{ID: 11, Code: "ERROR_IP_NOT_ALLOWED"},
		{ID: 12, Code: "ERROR_CAPTCHA_UNSOLVABLE", Expected: true},
		{ID: 13, Code: "ERROR_BAD_DUPLICATES", Expected: true},
		{ID: 14, Code: "ERROR_NO_SUCH_METHOD"},
		{ID: 15, Code: "ERROR_IMAGE_TYPE_NOT_SUPPORTED"},
		{ID: 16, Code: "ERROR_NO_SUCH_CAPCHA_ID"},
		{ID: 22, Code: "ERROR_TASK_ABSENT"},
		{ID: 23, Code: "ERROR_TASK_NOT_SUPPORTED"},
		{ID: 31, Code: "ERROR_RECAPTCHA_INVALID_SITEKEY"},
		{ID: 55, Code: "ERROR_ACCOUNT_SUSPENDED"},
		{ID: 110, Code: "ERROR_BAD_PARAMETERS"},
		{ID: 115, Code: "ERROR_BAD_IMGINSTRUCTIONS"},
		{ID: 130, Code: "ERROR_BAD_PROXY"},
		// Not in the table: a page of the service names the first, and nothing names the second.
		{ID: 131, Code: "ERR_PROXY_CONNECTION_FAILED", Undocumented: true},
		{ID: 9001, Code: "ERROR_OF_THE_FUTURE", Undocumented: true},
		// Sister services have no ids of their own.
		{ID: 0, Code: "ERROR_CAPTCHA_UNSOLVABLE", Expected: true},
		{ID: 1, Code: "ERROR_ZERO_BALANCE"},
	}
}

// Answer is the service's answer with this code.
func (c ErrorCode) Answer(description string, httpStatus int) simulator.Answer {
	return simulator.Body(fmt.Sprintf(`{"errorId":%d,"errorCode":%q,"errorDescription":%q}`, c.ID, c.Code,
		description)).
		WithHTTPStatus(httpStatus)
}
