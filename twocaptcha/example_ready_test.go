package twocaptcha_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// The solution's form depends on the task's type, so it stays JSON for the caller to decode.
func ExampleClient_GetTaskResult_ready() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"errorId":0,"status":"ready","solution":{"token":"0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p"},`+
			`"cost":"0.00145","ip":"46.53.232.76","createTime":1692863536,"endTime":1692863556,"solveCount":1}`)
	}))
	defer service.Close()
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: "0123456789abcdef0123456789abcdef", URL: service.URL})
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
	fmt.Println("seconds:", *result.EndTime-*result.CreateTime)
	// Output:
	// ready 0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p
	// cost: 0.00145
	// seconds: 20
}
