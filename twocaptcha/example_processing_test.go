package twocaptcha_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// A task that workers are still busy with is a result, too: ask again, 5 seconds later at the earliest.
func ExampleClient_GetTaskResult_processing() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"errorId":0,"status":"processing"}`)
	}))
	defer service.Close()

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "0123456789abcdef0123456789abcdef", URL: service.URL})
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
