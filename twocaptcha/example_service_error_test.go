package twocaptcha_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// An error that the service answered with has its code.
func ExampleServiceError() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE",`+
			`"errorDescription":"Workers could not solve the Captcha"}`)
	}))
	defer service.Close()
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "0123456789abcdef0123456789abcdef", URL: service.URL})
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
