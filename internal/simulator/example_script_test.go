package simulator_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// A task that meets an overloaded service, then takes a while, then can't be solved.
func ExampleServer_Script() {
	server, err := simulator.Start(simulator.Options{ClientKey: "example-key"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	server.Script(74372499131,
		simulator.RetryAfter(http.StatusServiceUnavailable, "5"),
		simulator.Processing(),
		simulator.Error("ERROR_CAPTCHA_UNSOLVABLE"),
	)

	for range 3 {
		answer, err := http.Post(server.URL()+"/getTaskResult", "application/json",
			strings.NewReader(`{"clientKey": "example-key", "taskId": 74372499131}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Println(answer.Status, string(body), err)
	}
	// Output:
	// 503 Service Unavailable 503 Service Unavailable <nil>
	// 200 OK {"errorId":0,"status":"processing"} <nil>
	// 200 OK {"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"Workers could not solve the Captcha"} <nil>
}
