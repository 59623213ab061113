package twocaptcha

// The codes of the service's error table (https://2captcha.com/api-docs/error-codes), each with its
// errorId there, and at the end those that relatives of the service send under the same protocol.
// Codes beyond these occur: a [ServiceError] carries them as they came.
const (
	// ErrorKeyDoesNotExist (1): the client key is wrong. Five requests with a wrong key ban the
	// address for 10 minutes.
	ErrorKeyDoesNotExist = "ERROR_KEY_DOES_NOT_EXIST"
	// ErrorNoSlotAvailable (2): the bid is too low, or the queue is full; wait at least 5 seconds and
	// repeat.
	ErrorNoSlotAvailable = "ERROR_NO_SLOT_AVAILABLE"
	// ErrorZeroCaptchaFileSize (3): the image is under 100 bytes.
	ErrorZeroCaptchaFileSize = "ERROR_ZERO_CAPTCHA_FILESIZE"
	// ErrorTooBigCaptchaFileSize (4): the image is too large.
	ErrorTooBigCaptchaFileSize = "ERROR_TOO_BIG_CAPTCHA_FILESIZE"
	// ErrorPageURL (5): the task's page URL is missing or malformed.
	ErrorPageURL = "ERROR_PAGEURL"
	// ErrorZeroBalance (10): the account has no funds.
	ErrorZeroBalance = "ERROR_ZERO_BALANCE"
	// ErrorIPNotAllowed (11): the caller's address is not on the account's list.
	ErrorIPNotAllowed = "ERROR_IP_NOT_ALLOWED"
	// ErrorCaptchaUnsolvable (12): three workers failed, and the charge is refunded; a new task may
	// succeed.
	ErrorCaptchaUnsolvable = "ERROR_CAPTCHA_UNSOLVABLE"
	// ErrorBadDuplicates (13): the 100 % accuracy mode found no match; a new task may succeed.
	ErrorBadDuplicates = "ERROR_BAD_DUPLICATES"
	// ErrorNoSuchMethod (14): the request's URL is wrong.
	ErrorNoSuchMethod = "ERROR_NO_SUCH_METHOD"
	// ErrorImageTypeNotSupported (15): the image can't be read.
	ErrorImageTypeNotSupported = "ERROR_IMAGE_TYPE_NOT_SUPPORTED"
	// ErrorNoSuchCapchaID (16): the task's id is unknown, or the task was submitted more than 15
	// minutes ago. The spelling is the service's.
	ErrorNoSuchCapchaID = "ERROR_NO_SUCH_CAPCHA_ID"
	// ErrorIPBlocked (21): the caller's address is banned for misuse; bans last 5 to 10 minutes.
	ErrorIPBlocked = "ERROR_IP_BLOCKED"
	// ErrorTaskAbsent (22): createTask was called without a task.
	ErrorTaskAbsent = "ERROR_TASK_ABSENT"
	// ErrorTaskNotSupported (23): the task's type is unknown.
	ErrorTaskNotSupported = "ERROR_TASK_NOT_SUPPORTED"
	// ErrorRecaptchaInvalidSitekey (31): the task's site key is invalid.
	ErrorRecaptchaInvalidSitekey = "ERROR_RECAPTCHA_INVALID_SITEKEY"
	// ErrorAccountSuspended (55): the account's access to the API is blocked.
	ErrorAccountSuspended = "ERROR_ACCOUNT_SUSPENDED"
	// ErrorBadParameters (110): parameters of the task are missing or malformed.
	ErrorBadParameters = "ERROR_BAD_PARAMETERS"
	// ErrorBadImgInstructions (115): the instruction image is unusable.
	ErrorBadImgInstructions = "ERROR_BAD_IMGINSTRUCTIONS"
	// ErrorBadProxy (130): the proxy that the task names does not work.
	ErrorBadProxy = "ERROR_BAD_PROXY"

	// ErrorTooMuchRequests, of CapMonster Cloud: more than 120 requests for one task, or too many at
	// once; repeat later.
	ErrorTooMuchRequests = "ERROR_TOO_MUCH_REQUESTS"
	// ErrorRateLimit, of CapSolver: too many requests; repeat later.
	ErrorRateLimit = "ERROR_RATE_LIMIT"
	// ErrorServiceUnavaliable, of CapSolver: the service is down; repeat later. The spelling is that
	// service's.
	ErrorServiceUnavaliable = "ERROR_SERVICE_UNAVALIABLE"
)

// IsKnownCode tells whether code is one of this package's constants, spelled as they are.
func IsKnownCode(code string) bool {
	_, known := codeAdvice[code]
	return known
}

// codeAdvice holds every code of the table, with what a person can do about it: the service's own
// descriptions vary for one code, and seldom say. Empty where the code's name says it all.
var codeAdvice = map[string]string{
	ErrorKeyDoesNotExist:         "check the client key",
	ErrorNoSlotAvailable:         "ask again in 5 seconds or later",
	ErrorZeroCaptchaFileSize:     "",
	ErrorTooBigCaptchaFileSize:   "",
	ErrorPageURL:                 "",
	ErrorZeroBalance:             "add funds to the account",
	ErrorIPNotAllowed:            "add this host's address to the account's list",
	ErrorCaptchaUnsolvable:       "a new task may succeed",
	ErrorBadDuplicates:           "a new task may succeed",
	ErrorNoSuchMethod:            "check the API's URL",
	ErrorImageTypeNotSupported:   "",
	ErrorNoSuchCapchaID:          "the id is unknown, or the task was submitted more than 15 minutes ago",
	ErrorIPBlocked:               "ask again in 3 minutes or later",
	ErrorTaskAbsent:              "",
	ErrorTaskNotSupported:        "",
	ErrorRecaptchaInvalidSitekey: "",
	ErrorAccountSuspended:        "contact the service's support",
	ErrorBadParameters:           "",
	ErrorBadImgInstructions:      "",
	ErrorBadProxy:                "the proxy that the task names does not work",
	ErrorTooMuchRequests:         "ask less often",
	ErrorRateLimit:               "ask less often",
	ErrorServiceUnavaliable:      "the service is down",
}
