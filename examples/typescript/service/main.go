// Command service is a fake 2captcha service for the tests of this folder. It prints its address,
// and serves until its standard input ends. What becomes of a task is in its comment.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

func main() {
	server, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: os.Getenv("TWOCAPTCHA_API_KEY"), NewTask: newTask})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	fmt.Println(server.URL())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func newTask(submitted twocaptchatest.NewTask) twocaptchatest.Submission {
	var task struct{ Comment string }
	_ = json.Unmarshal(submitted.Task, &task) // of another kind, it is solved
	answer := twocaptchatest.ReadyAfter(time.Second, `{"text":"4"}`)
	switch task.Comment {
	case "unsolvable":
		answer = twocaptchatest.Error("ERROR_CAPTCHA_UNSOLVABLE")
	case "slow":
		answer = twocaptchatest.Processing()
	case "unanswered":
		answer = twocaptchatest.Status(http.StatusBadGateway, "no upstream")
	}
	return twocaptchatest.Submission{Answers: []twocaptchatest.Answer{answer}}
}
