package twocaptcha_test

import (
	"context"
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// A task that is still processing is not an error: ask again, at least 5 seconds later.
func ExampleClient_GetTaskResult_processing() {
	service, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "key"})
	if err != nil {
		panic(err)
	}
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Processing())

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "key", URL: service.URL()})
	if err != nil {
		panic(err)
	}
	result, err := client.GetTaskResult(context.Background(), 74372499131)
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Status == twocaptcha.StatusProcessing)
	// Output:
	// true
}
