package workflows

import (
	"errors"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// CheckAccountOutput is the account's balance, as the decimal that the service wrote.
type CheckAccountOutput = twocaptcha.BalanceResult

// CheckAccount is the workflow that asks for the balance of the worker's account, once, through the
// worker process that runs the workflow: as the gate of a rollout it must not be answered by
// another version, whose workers a server may give an activity to in the first moments of a new
// one. A worker that is killed while it asks leaves the question to the next, and the limit of
// requests a second for the queue does not count it. It takes no input. It returns the balance, or
// an ApplicationError, never retryable, whose type is the service's code, NoAnswer,
// UnexpectedResponse or InvalidInput. Its workflow id is the caller's choice.
func CheckAccount(ctx workflow.Context) (CheckAccountOutput, error) {
	var out CheckAccountOutput
	options := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		Summary:             "balance",
		StartToCloseTimeout: attemptTimeout,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	if err := workflow.ExecuteLocalActivity(options, activities.GetBalanceActivity).Get(ctx, &out); err != nil {
		var failure *temporal.ApplicationError
		if errors.As(err, &failure) && failure.NonRetryable() { // of a local activity's failure the SDK logs nothing
			workflow.GetLogger(ctx).Error("The service does not tell the balance.", "Error", failure)
		}
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
