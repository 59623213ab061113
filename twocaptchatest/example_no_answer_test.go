package twocaptchatest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// Two ways to get no answer: the connection is closed, or the client gives up.
func ExampleAnswer_WithDelay() {
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key"})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	server.Script(1, twocaptchatest.DroppedConnection())
	server.Script(2, twocaptchatest.Processing().WithDelay(time.Hour))

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "test-key", URL: server.URL()})
	if err != nil {
		panic(err)
	}
	_, err = client.GetTaskResult(context.Background(), 1)
	var failure *twocaptcha.TransportError
	fmt.Println(errors.As(err, &failure), failure.HTTPStatus)

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = client.GetTaskResult(ctx, 2)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// true 0
	// true
}
