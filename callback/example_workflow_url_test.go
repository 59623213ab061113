package callback_test

import (
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// An address for a workflow that submits its task itself and waits for the taskCallback signal. The
// activity that calls createTask makes it, because the secret has no place in a workflow.
func ExampleWorkflowURL() {
	address, err := callback.WorkflowURL("https://example.com/2captcha", "as the worker's TWOCAPTCHA_CALLBACK_SECRET", "order-7")
	fmt.Println(address, err)
	// Output: https://example.com/2captcha/workflow.b3JkZXItNw.3-7B4vsNEIUfHEVEm4jHCwIlIOOx5RafL4PML36U2mI <nil>
}
