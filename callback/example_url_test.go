package callback_test

import (
	"fmt"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// An address for createTask's callbackUrl is made before the task has an id. Every task gets its
// own.
func ExampleURL() {
	secret := "as the worker's TWOCAPTCHA_CALLBACK_SECRET"
	first, err := callback.URL("https://example.com/2captcha", secret)
	if err != nil {
		panic(err)
	}
	second, err := callback.URL("https://example.com/2captcha", secret)
	if err != nil {
		panic(err)
	}
	fmt.Println(strings.HasPrefix(first, "https://example.com/2captcha/task."), first != second)
	// Output: true true
}
