package twocaptcha_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
)

// The solution's form depends on the task's type, so it stays JSON for the caller to decode.
func ExampleClient_GetTaskResult_ready() {
	service, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "key"})
	if err != nil {
		panic(err)
	}
	defer service.Close()
	service.Script(74372499131, twocaptchatest.Ready(`{"token":"0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p"}`))

	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "key", URL: service.URL()})
	if err != nil {
		panic(err)
	}

	result, err := client.GetTaskResult(context.Background(), 74372499131)
	if err != nil {
		panic(err)
	}
	var solution struct{ Token string }
	if err := json.Unmarshal(result.Solution, &solution); err != nil {
		panic(err)
	}
	fmt.Println(result.Status, solution.Token)
	fmt.Println("cost:", result.Cost)
	fmt.Println("workers:", *result.SolveCount)
	// Output:
	// ready 0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p
	// cost: 0.00299
	// workers: 1
}
