package twocaptchatest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// A task with a callback URL is announced there when it ends.
func ExampleServer_Submit() {
	called := make(chan string)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called <- r.PostFormValue("id") + " " + r.PostFormValue("code")
	}))
	defer endpoint.Close()
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key"})
	if err != nil {
		panic(err)
	}
	defer server.Close()

	taskID := server.Submit(twocaptchatest.Submission{
		Answers:     []twocaptchatest.Answer{twocaptchatest.Ready(`{"text":"abc"}`)},
		CallbackURL: endpoint.URL,
	})
	fmt.Println(taskID)
	fmt.Println(<-called)
	// Output:
	// 72345678901
	// 72345678901 abc
}
