package twocaptcha_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// An answer that is neither a result nor an error of the service says nothing about the task: ask
// again later.
func ExampleTransportError() {
	service, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "key"})
	if err != nil {
		panic(err)
	}
	defer service.Close()
	service.Script(74372499131, twocaptchatest.RetryAfter(http.StatusServiceUnavailable, "30"))

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "key", URL: service.URL()})
	if err != nil {
		panic(err)
	}

	_, err = client.GetTaskResult(context.Background(), 74372499131)

	var failure *twocaptcha.TransportError
	if errors.As(err, &failure) {
		fmt.Println(failure)
		fmt.Println(failure.Reason == twocaptcha.ReasonStatus, failure.HTTPStatus, failure.RetryAfter)
	}
	// Output:
	// task 74372499131: getTaskResult: HTTP status 503 (Service Unavailable): "503 Service Unavailable"
	// true 503 30s
}
