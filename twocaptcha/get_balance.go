package twocaptcha

import (
	"context"
	"encoding/json"
)

// BalanceResult is the service's answer to getBalance.
type BalanceResult struct {
	// Balance is the account's balance, as the decimal that the service wrote.
	Balance string `json:"balance"`
}

// GetBalance asks for the account's balance. The error, if any, is a [*ServiceError] or a
// [*TransportError].
//
// https://2captcha.com/api-docs/get-balance
func (c *Client) GetBalance(ctx context.Context) (*BalanceResult, error) {
	return call(ctx, c, request{
		method: "getBalance",
		body: func(clientKey string) any {
			return struct {
				ClientKey string `json:"clientKey"`
			}{clientKey}
		},
	}, readBalance)
}

func readBalance(properties object, hidden secrets) reading[BalanceResult] {
	balance := properties.short("balance", hidden)
	switch {
	case properties["balance"] == nil:
		return reading[BalanceResult]{oddity: "no balance"}
	case !isNumber(json.RawMessage(balance)) || !json.Valid([]byte(balance)):
		return reading[BalanceResult]{oddity: "balance is not a number"}
	}
	return reading[BalanceResult]{result: BalanceResult{Balance: balance}}
}
