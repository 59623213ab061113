package twocaptchatest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// After the test, the requests can be read, with what was wrong about them.
func ExampleServer_Requests() {
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key"})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	server.Script(7, twocaptchatest.Ready(`{"text":"abc"}`))

	for _, body := range []string{
		`{"clientKey": "test-key", "taskId": "7"}`,
		`{"clientKey": "another-key", "taskId": 7}`,
		`{"clientKey": "test-key", "taskId": 7}`,
	} {
		response, err := http.Post(server.URL()+"/getTaskResult", "application/json", strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		response.Body.Close()
	}
	for _, request := range server.Requests() {
		fmt.Printf("task %d: %s %q\n", request.TaskID, request.Answer, request.Refused)
	}
	// Output:
	// task 0: status 400 "taskId \"7\" is not an integer"
	// task 7: ERROR_KEY_DOES_NOT_EXIST "wrong client key"
	// task 7: ready ""
}
