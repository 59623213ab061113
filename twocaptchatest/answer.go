package twocaptchatest

import (
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// Answer is what one getTaskResult request gets. Answers are values: one answer can be used for any
// number of tasks, and its methods return changed copies. The zero value is [Processing].
type Answer struct {
	simulated simulator.Answer
}

// Processing is the answer for a task that has no result yet.
func Processing() Answer { return Answer{simulator.Processing()} }

// Ready is the answer with the result. The solution is JSON and is sent unchanged; most task types
// have an object, such as {"token":"…"}. The cost, the address and the count of workers are always
// the same; the times are the task's. Ready panics if the solution is not JSON.
func Ready(solution string) Answer { return Answer{simulator.Ready(solution)} }

// ReadyAfter is [Processing] until the given time after the task was submitted, and [Ready] from
// then on. It counts as given, and the task's next answer follows, once a request has got the
// result.
func ReadyAfter(after time.Duration, solution string) Answer {
	return Answer{simulator.ReadyAfter(after, solution)}
}

// Error is an error of the service, such as ERROR_CAPTCHA_UNSOLVABLE. The id and the description
// are those that the service has for the code; a code that the service doesn't document has the id
// 1. The HTTP status is 200, as with the service.
func Error(code string) Answer { return Answer{simulator.Error(code)} }

// ErrorAfter is [Processing] until the given time after the task was submitted, and [Error] from
// then on. It counts as given, and the task's next answer follows, once a request has got the
// error.
func ErrorAfter(after time.Duration, code string) Answer {
	return Answer{simulator.ErrorAfter(after, code)}
}

// Expired is the error for a task that was submitted more than 15 minutes ago, or never:
// ERROR_NO_SUCH_CAPCHA_ID. Requests for an unknown task id, and for a [Ready] task that was
// submitted more than 15 minutes ago, get it without a script.
func Expired() Answer { return Answer{simulator.Expired()} }

// Status is an answer with this HTTP status, 200 to 599, and this body as plain text: what a
// gateway in front of the service sends, or a body that no client can read. Status panics if the
// status is out of range.
func Status(status int, body string) Answer { return Answer{simulator.Status(status, body)} }

// RetryAfter is an answer with this HTTP status, such as 429 or 503, and a Retry-After header:
// seconds or an HTTP date. RetryAfter panics if the status is not within 200 to 599.
func RetryAfter(status int, value string) Answer {
	return Answer{simulator.RetryAfter(status, value)}
}

// DroppedConnection closes the connection after the request was read, without an answer.
func DroppedConnection() Answer { return Answer{simulator.DroppedConnection()} }

// WithDelay returns the answer held back for this long. With a delay above the client's own timeout
// no answer comes at all. [Server.Close] doesn't wait for the delay.
func (a Answer) WithDelay(delay time.Duration) Answer { return Answer{a.simulated.WithDelay(delay)} }

// String returns the name under which [Request.Answer] records the answer, such as "ready",
// "processing", "status 503", "dropped connection" or the error's code.
func (a Answer) String() string { return a.simulated.String() }

func simulated(answers []Answer) []simulator.Answer {
	converted := make([]simulator.Answer, len(answers))
	for i, answer := range answers {
		converted[i] = answer.simulated
	}
	return converted
}
