package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// These are the codes that the server uses by itself. They are spelled out here, not taken from
// package twocaptcha, so that the tests find a code that is misspelled there.
const (
	errorKeyDoesNotExist = "ERROR_KEY_DOES_NOT_EXIST"
	errorNoSuchMethod    = "ERROR_NO_SUCH_METHOD"
	errorNoSuchCaptchaID = "ERROR_NO_SUCH_CAPCHA_ID" // the service's spelling
	errorIPBlocked       = "ERROR_IP_BLOCKED"
	errorTaskAbsent      = "ERROR_TASK_ABSENT"
	errorBadParameters   = "ERROR_BAD_PARAMETERS"
	errorZeroBalance     = "ERROR_ZERO_BALANCE"
	errorUnsolvable      = "ERROR_CAPTCHA_UNSOLVABLE"
	errorBadDuplicates   = "ERROR_BAD_DUPLICATES"
	// errorDuplicateReport is version 1's. The pages of version 2 name no code for a second report.
	errorDuplicateReport = "ERROR_DUPLICATE_REPORT"
)

type serviceError struct {
	id          int
	description string
}

// serviceErrors are the codes of the service's published table, with its ids. The descriptions of
// 12 and 16 are the service's own; the others paraphrase its table.
var serviceErrors = map[string]serviceError{
	errorKeyDoesNotExist:              {1, "The API key is incorrect"},
	"ERROR_NO_SLOT_AVAILABLE":         {2, "The bid is too low, or the queue of captchas is too long"},
	"ERROR_ZERO_CAPTCHA_FILESIZE":     {3, "The image is smaller than 100 bytes"},
	"ERROR_TOO_BIG_CAPTCHA_FILESIZE":  {4, "The image is too large"},
	"ERROR_PAGEURL":                   {5, "The page URL is missing or malformed"},
	errorZeroBalance:                  {10, "There are no funds on the account"},
	"ERROR_IP_NOT_ALLOWED":            {11, "The IP is not on the list of trusted IPs"},
	errorUnsolvable:                   {12, "Workers could not solve the Captcha"},
	errorBadDuplicates:                {13, "The number of tries is reached, without enough matches"},
	errorNoSuchMethod:                 {14, "The API method does not exist"},
	"ERROR_IMAGE_TYPE_NOT_SUPPORTED":  {15, "The image can not be processed"},
	errorNoSuchCaptchaID:              {16, "Wrong captcha ID, or a captcha that was submitted more than 15 minutes ago"},
	errorIPBlocked:                    {21, "The IP is banned for improper use of the API"},
	errorTaskAbsent:                   {22, "The task property is missing"},
	"ERROR_TASK_NOT_SUPPORTED":        {23, "The type of task is not supported"},
	"ERROR_RECAPTCHA_INVALID_SITEKEY": {31, "The site key is invalid"},
	"ERROR_ACCOUNT_SUSPENDED":         {55, "Access to the API is blocked"},
	errorBadParameters:                {110, "Required parameters are missing or malformed"},
	"ERROR_BAD_IMGINSTRUCTIONS":       {115, "The instruction image can not be used"},
	"ERROR_BAD_PROXY":                 {130, "The proxy does not work"},
}

// errorBody writes no status: the service's errors don't have one.
func errorBody(code string) string {
	known, ok := serviceErrors[code]
	if !ok {
		known = serviceError{1, "An error that is in no table"}
	}
	return fmt.Sprintf(`{"errorId":%d,"errorCode":%s,"errorDescription":%s}`,
		known.id, quoted(code), quoted(known.description))
}

// quoted returns a JSON string without escapes for HTML, as the service writes it.
func quoted(text string) string {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // a string always encodes
	}
	return string(bytes.TrimSpace(buffer.Bytes()))
}
