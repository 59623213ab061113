package twocaptchatest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// A result can be fetched for 15 minutes, by the clock that the test sets.
func ExampleOptions_clock() {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	server, err := twocaptchatest.Start(twocaptchatest.Options{
		ClientKey: "test-key",
		Clock:     func() time.Time { return now },
	})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	server.Script(74372499131, twocaptchatest.ReadyAfter(20*time.Second, `{"text":"abc"}`))

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "test-key", URL: server.URL()})
	if err != nil {
		panic(err)
	}
	poll := func() {
		result, err := client.GetTaskResult(context.Background(), 74372499131)
		var failure *twocaptcha.ServiceError
		switch {
		case errors.As(err, &failure):
			fmt.Println(failure.Code)
		case err != nil:
			panic(err)
		default:
			fmt.Println(result.Status)
		}
	}
	poll()
	now = now.Add(20 * time.Second)
	poll()
	now = now.Add(15 * time.Minute)
	poll()
	// Output:
	// processing
	// ready
	// ERROR_NO_SUCH_CAPCHA_ID
}
