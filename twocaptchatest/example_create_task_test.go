package twocaptchatest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// The test decides what becomes of a task that the code under test submits.
func ExampleOptions_newTask() {
	server, err := twocaptchatest.Start(twocaptchatest.Options{
		ClientKey: "test-key",
		NewTask: func(task twocaptchatest.NewTask) twocaptchatest.Submission {
			answer := twocaptchatest.Ready(`{"text":"4"}`)
			if task.Type != "TextCaptchaTask" {
				answer = twocaptchatest.Error("ERROR_CAPTCHA_UNSOLVABLE")
			}
			return twocaptchatest.Submission{Answers: []twocaptchatest.Answer{answer}}
		},
	})
	if err != nil {
		panic(err)
	}
	defer server.Close()

	response, err := http.Post(server.URL()+"/createTask", "application/json",
		strings.NewReader(`{"clientKey":"test-key","task":{"type":"TextCaptchaTask","comment":"2+2?"}}`))
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Println(string(body), err)
	fmt.Println(server.Requests()[0].Created)
	// Output:
	// {"errorId":0,"taskId":72345678901} <nil>
	// 72345678901
}
