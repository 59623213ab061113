package twocaptchatest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// An error of the service is chosen by its code.
func ExampleError() {
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key"})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	server.Script(74372499131, twocaptchatest.Error("ERROR_CAPTCHA_UNSOLVABLE"))

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "test-key", URL: server.URL()})
	if err != nil {
		panic(err)
	}
	_, err = client.GetTaskResult(context.Background(), 74372499131)
	var failure *twocaptcha.ServiceError
	if errors.As(err, &failure) {
		fmt.Println(failure.ErrorID, failure.Code)
		fmt.Println(failure.Description)
	}
	// Output:
	// 12 ERROR_CAPTCHA_UNSOLVABLE
	// Workers could not solve the Captcha
}
