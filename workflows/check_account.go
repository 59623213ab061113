package workflows

import (
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// checkQueueTime is how long the check waits for a worker: somebody waits for its answer.
const checkQueueTime = time.Minute

// CheckAccountOutput is the account's balance, as the decimal that the service wrote.
type CheckAccountOutput = twocaptcha.BalanceResult

// CheckAccount is the workflow that asks for the balance of the worker's account, once. It takes no
// input. It returns the balance, or an ApplicationError, never retryable, whose type is the
// service's code, NoAnswer, UnexpectedResponse or InvalidInput. Its workflow id is the caller's
// choice.
func CheckAccount(ctx workflow.Context) (CheckAccountOutput, error) {
	var out CheckAccountOutput
	options := oneRequestOptions(ctx, "balance", 1, checkQueueTime)
	if err := workflow.ExecuteActivity(options, activities.GetBalanceActivity).Get(ctx, &out); err != nil {
		return CheckAccountOutput{}, endOfRequest(ctx, err, 0, "the balance is not known, since no answer came")
	}
	return out, nil
}

// checkAccountFromPayload is [CheckAccount] as it is registered.
func checkAccountFromPayload(ctx workflow.Context, input converter.RawValue) (CheckAccountOutput, error) {
	switch text := string(input.Payload().GetData()); text {
	case "", "null", "{}":
		return CheckAccount(ctx)
	}
	return CheckAccountOutput{}, newInvalidInput(0, "there is an input: "+CheckAccountWorkflow+" takes none")
}
