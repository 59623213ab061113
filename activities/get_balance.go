package activities

import (
	"context"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// GetBalanceOutput is the account's balance.
type GetBalanceOutput struct {
	twocaptcha.BalanceResult
}

// GetBalance sends one getBalance request. It ignores any input. Its errors are as those of
// [Activities.GetTaskResult]. Schedule it with a StartToClose timeout of 30 seconds. The service
// counts its requests in the budget of polls.
func (a *Activities) GetBalance(ctx context.Context) (GetBalanceOutput, error) {
	result, err := ask(ctx, a, question[twocaptcha.BalanceResult]{method: GetBalanceActivity, send: a.client.GetBalance})
	if err != nil {
		return GetBalanceOutput{}, err
	}
	return GetBalanceOutput{*result}, nil
}
