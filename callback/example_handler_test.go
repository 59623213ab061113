package callback_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// printedSignals stands in for a client.Client.
type printedSignals struct{}

func (printedSignals) SignalWorkflow(_ context.Context, workflowID, _, signalName string, arg any) error {
	payload, err := json.Marshal(arg)
	fmt.Printf("signal %s to %s: %s\n", signalName, workflowID, payload)
	return err
}

// The handler is mounted in a server of your own. The callbacks are as the service sends them.
func ExampleHandler() {
	const secret = "32 random bytes, from the environment or a file"
	handler, err := callback.NewHandler(callback.Options{Temporal: printedSignals{}, Secret: secret, DomainToken: "proof"})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/2captcha/", handler)
	mux.Handle("/2captcha.txt", handler)
	server := httptest.NewServer(mux)
	defer server.Close()

	address, err := callback.URL(server.URL+"/2captcha", secret)
	if err != nil {
		panic(err)
	}
	for _, to := range []string{address, strings.Replace(address, "/task.", "/tusk.", 1)} {
		answer, err := http.PostForm(to, url.Values{"id": {"81555263943"}, "code": {"ANSWER"}})
		if err != nil {
			panic(err)
		}
		answer.Body.Close()
		fmt.Println(answer.Status)
	}
	// Output:
	// signal taskCallback to 2captcha-task-81555263943: {"taskId":81555263943}
	// 200 OK
	// 404 Not Found
}
