package twocaptcha_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// An error that the service answered with has its code.
func ExampleServiceError() {
	service, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "key"})
	if err != nil {
		panic(err)
	}
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Error(twocaptcha.ErrorCaptchaUnsolvable))

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "key", URL: service.URL()})
	if err != nil {
		panic(err)
	}

	_, err = client.GetTaskResult(context.Background(), 74372499131)

	var failure *twocaptcha.ServiceError
	if errors.As(err, &failure) && failure.Code == twocaptcha.ErrorCaptchaUnsolvable {
		fmt.Println(failure)
	}
	// Output:
	// task 74372499131: getTaskResult: ERROR_CAPTCHA_UNSOLVABLE (a new task may succeed): Workers could not solve the Captcha
}
