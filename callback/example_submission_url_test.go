package callback_test

import (
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// An address for one submission: its calls name the submission, so that a workflow that has
// submitted several times knows which task has ended.
func ExampleSubmissionURL() {
	address, err := callback.SubmissionURL(
		"https://example.com/2captcha", "as the worker's TWOCAPTCHA_CALLBACK_SECRET", "order-7", "first")
	fmt.Println(address, err)
	// Output: https://example.com/2captcha/submission.Zmlyc3QAb3JkZXItNw.__1DW31Z7r0VfbgcNDMg8Lbqeo98QscsgIUErHxRCys <nil>
}
