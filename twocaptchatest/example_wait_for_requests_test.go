package twocaptchatest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// A test waits until the code under test, which runs in the background, has polled.
func ExampleServer_WaitForRequests() {
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key"})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	server.Script(74372499131, twocaptchatest.Ready(`{"text":"abc"}`))

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "test-key", URL: server.URL()})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go client.GetTaskResult(ctx, 74372499131)

	fmt.Println(server.WaitForRequests(ctx, 74372499131, 1))
	fmt.Println(len(server.RequestsFor(74372499131)))
	// Output:
	// <nil>
	// 1
}
