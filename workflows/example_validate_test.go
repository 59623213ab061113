package workflows_test

import (
	"fmt"
	"time"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// A caller can find out what the workflow would refuse without starting it.
func ExampleAwaitTaskResultInput_Validate() {
	in := workflows.AwaitTaskResultInput{TaskID: 74372499131, PollInterval: time.Second}
	err := in.Validate()
	fmt.Println(workflows.ErrorCode(err))
	fmt.Println(err)
	// Output:
	// InvalidInput
	// pollInterval is 1s: it takes a duration from "5s" to "24h", since the service bans those who ask more often (type: InvalidInput, retryable: false)
}
