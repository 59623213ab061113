package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// callbackURLCommand prints an address for createTask's callbackUrl. It makes no request: the
// worker recognizes the address by the secret. The secret is not a flag: every process can see what
// is on a command line.
type callbackURLCommand struct {
	command.CallbackURLFlag
	WorkflowID *string `name:"workflow-id" placeholder:"ID" help:"The workflow that a callback wakes, for a workflow that submits its task itself. Default: the workflow that waits for the task that the callback names."`
}

func (c *callbackURLCommand) run(_ context.Context, invocation command.Invocation, parsed *kong.Context) int {
	address, err := c.address(invocation.Environment)
	if err != nil {
		return invocation.FailUsage(parsed, err)
	}
	if _, err := fmt.Fprintln(invocation.Output, address); err != nil {
		return invocation.Fail(command.ExitFailed, fmt.Errorf("standard output can't be written: %w", err))
	}
	return command.ExitDone
}

// address returns an error that says which flag or variable is missing or wrong.
func (c *callbackURLCommand) address(environment command.Environment) (string, error) {
	if c.CallbackURL == "" {
		return "", errors.New("the base of callback addresses is missing: " +
			"set TWOCAPTCHA_CALLBACK_URL, or --callback-url, to a URL like https://example.com/2captcha")
	}
	if err := c.CheckCallbackURL(); err != nil {
		return "", err
	}
	secret, err := command.CallbackSecret(environment)
	if err != nil {
		return "", err
	}
	if c.WorkflowID == nil {
		return callback.URL(c.CallbackURL, secret)
	}
	address, err := callback.WorkflowURL(c.CallbackURL, secret, *c.WorkflowID)
	if err != nil {
		return "", fmt.Errorf("--workflow-id: %w", err)
	}
	return address, nil
}

func (callbackURLCommand) Description() string {
	return `Prints an address to give as callbackUrl to createTask. When the task has ended, the service calls that address, and
the task's workflow asks for the result immediately. Start the wait with --callback, or with "callback": true in its
input.

Each address is new, but with --workflow-id it is always the same one. Whoever knows it can wake waits, and nothing
else. Its domain must be registered with the 2captcha account, and a worker with --callback-address must serve it.

Environment:
  TWOCAPTCHA_CALLBACK_SECRET        The secret of callback addresses, the same as the worker's; or
  TWOCAPTCHA_CALLBACK_SECRET_FILE   a file that holds it. Set exactly one of the two.

Example:
  TWOCAPTCHA_CALLBACK_SECRET_FILE=/run/secrets/callbacks starter callback-url --callback-url https://example.com/2captcha

Exit status:
  0  the address is printed
  1  standard output can't be written
  2  bad usage or configuration`
}
