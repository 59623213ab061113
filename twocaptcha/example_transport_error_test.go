package twocaptcha_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// All that is neither a result nor an error of the service says nothing about the task: ask again later.
func ExampleTransportError() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "<html>\n<title>maintenance</title>\n</html>")
	}))
	defer service.Close()
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "0123456789abcdef0123456789abcdef", URL: service.URL})
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
	// task 74372499131: getTaskResult: HTTP status 503 (Service Unavailable): "<html> <title>maintenance</title> </html>"
	// true 503 30s
}
