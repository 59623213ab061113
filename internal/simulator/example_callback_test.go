package simulator_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// Tasks whose callbacks are forged, genuine and lost.
func ExampleServer_Submit() {
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.URL.Path, r.PostFormValue("id"), r.PostFormValue("code"))
	}))
	defer endpoint.Close()
	server, err := simulator.Start(simulator.Options{ClientKey: "example-key"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	for _, kind := range []simulator.CallbackKind{simulator.UnknownTask, simulator.Genuine, simulator.Lost} {
		taskID := server.Submit(simulator.Submission{
			Answers:     []simulator.Answer{simulator.Ready(`{"text":"hello"}`)},
			CallbackURL: endpoint.URL + "/my-token",
			Callbacks:   []simulator.Callback{{Kind: kind}},
		})
		if err := server.WaitForCallbacks(ctx, taskID, 1); err != nil {
			fmt.Println(err)
		}
	}
	for _, delivery := range server.Callbacks() {
		fmt.Println(delivery.TaskID, delivery.Callback.Kind, delivery.HTTPStatus)
	}
	// Output:
	// /my-token 1171857306677 hello
	// /my-token 72345678902 hello
	// 72345678901 unknown task 200
	// 72345678902 genuine 200
	// 72345678903 lost 0
}
