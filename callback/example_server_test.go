package callback_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// A server takes callbacks and nothing else. The service reads the proof that the domain is the
// account's like this.
func ExampleNewServer() {
	handler, err := callback.NewHandler(callback.Options{
		Temporal: printedSignals{}, Secret: "32 random bytes, from the environment or a file", DomainToken: "proof",
	})
	if err != nil {
		panic(err)
	}
	server := callback.NewServer(handler)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Serve(listener) }()

	answer, err := http.Get("http://" + listener.Addr().String() + "/2captcha.txt")
	if err != nil {
		panic(err)
	}
	proof, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	fmt.Println(answer.Status, string(proof), err)

	fmt.Println(server.Shutdown(context.Background())) // callbacks under way are passed on first
	fmt.Println(<-ended)
	// Output:
	// 200 OK proof <nil>
	// <nil>
	// http: Server closed
}
