package twocaptchatest_test

import (
	"context"
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// A task is processing at the first poll, and ready from the second one on.
func ExampleServer_Script() {
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key"})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	server.Script(74372499131, twocaptchatest.Processing(), twocaptchatest.Ready(`{"text":"abc"}`))

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "test-key", URL: server.URL()})
	if err != nil {
		panic(err)
	}
	for range 3 {
		result, err := client.GetTaskResult(context.Background(), 74372499131)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s %q\n", result.Status, result.Solution)
	}
	// Output:
	// processing ""
	// ready "{\"text\":\"abc\"}"
	// ready "{\"text\":\"abc\"}"
}
