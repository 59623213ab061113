package simulator_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// What was asked can be read afterwards, with what was wrong about it.
func ExampleServer_Requests() {
	server, err := simulator.Start(simulator.Options{ClientKey: "example-key"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	server.Script(7, simulator.Ready(`{"text":"hello"}`))

	for _, body := range []string{
		`{"clientKey": "example-key", "taskId": "7"}`,
		`{"clientKey": "another-key", "taskId": 7}`,
		`{"clientKey": "example-key", "taskId": 7}`,
	} {
		answer, err := http.Post(server.URL()+"/getTaskResult", "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		answer.Body.Close()
	}
	for _, request := range server.Requests() {
		fmt.Printf("task %d: %s %q\n", request.TaskID, request.Answer, request.Refused)
	}
	// Output:
	// task 0: status 400 "taskId \"7\" is not an integer"
	// task 7: ERROR_KEY_DOES_NOT_EXIST "wrong client key"
	// task 7: ready ""
}
