package twocaptchatest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// A service that is down, and then says when to come back, answers without any error code.
func ExampleRetryAfter() {
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key"})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	server.Script(74372499131,
		twocaptchatest.Status(http.StatusBadGateway, "no upstream"),
		twocaptchatest.RetryAfter(http.StatusServiceUnavailable, "30"),
	)

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "test-key", URL: server.URL()})
	if err != nil {
		panic(err)
	}
	for range 2 {
		_, err := client.GetTaskResult(context.Background(), 74372499131)
		var failure *twocaptcha.TransportError
		if errors.As(err, &failure) {
			fmt.Println(failure.HTTPStatus, failure.RetryAfter)
		}
	}
	// Output:
	// 502 0s
	// 503 30s
}
