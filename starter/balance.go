package main

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
)

// balanceCommand prints the account's balance. The worker asks the service: the starter has no key.
type balanceCommand struct {
	serverFlags `embed:""`
}

func (b *balanceCommand) run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int {
	if err := b.validate(parsed, false); err != nil {
		return invocation.FailUsage(parsed, err)
	}
	return request{
		jobs:  []batch.Job{batch.BalanceJob{ID: strings.ToLower(rand.Text()[:16])}},
		brief: true,
		again: resumption{noun: "request", howTo: func(string, []batch.Job) string {
			return "to ask again, run the same command again"
		}},
	}.run(ctx, invocation, b.serverFlags)
}

func (balanceCommand) Description() string {
	return `Prints the balance of the worker's 2captcha account, as one JSON object: {"balance": "0.93958", "workflowId": "…"}.

Environment: as for starter; see starter --help.

Exit status:
  0    the balance is printed
  1    the service did not answer or refused to, or the Temporal server can't be reached or refuses the request
  2    bad usage or configuration
  130  interrupted`
}
