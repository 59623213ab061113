package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// callbackURLCommand is the one word that is no task id where one could stand. It has a command line of its own, since
// nothing that goes with tasks goes with it.
const callbackURLCommand = "callback-url"

// callbackURLFlags are what its command line takes. The secret is none of them: what is there is seen by every process.
type callbackURLFlags struct {
	command.CallbackURLFlag
	WorkflowID *string `name:"workflow-id" placeholder:"ID" help:"The workflow that a callback wakes, for one that submits its task itself. Default: the one that waits for the task that the callback names."`
	command.CommonFlags
}

// runCallbackURL prints an address for createTask's callbackUrl. It asks nobody: the worker knows it by the same secret.
func runCallbackURL(args []string, environ command.Environment, stdout, stderr io.Writer) int {
	address, shown, err := newCallbackURL(args, environ, stdout)
	if err != nil {
		return fail(stderr, exitUsage, fmt.Errorf("%w (see starter %s --help)", err, callbackURLCommand))
	}
	if shown {
		return exitReady
	}
	if _, err := fmt.Fprintln(stdout, address); err != nil {
		return fail(stderr, exitFailed, fmt.Errorf("standard output can't be written: %w", err))
	}
	return exitReady
}

// newCallbackURL answers shown where help or the version was asked for, and written to stdout. An error says which flag or
// variable is missing or wrong.
func newCallbackURL(args []string, environ command.Environment, stdout io.Writer) (address string, shown bool, err error) {
	var given callbackURLFlags
	_, shown, err = command.ParseFlags("starter "+callbackURLCommand, callbackURLDescription, &given, args, environ, stdout)
	if err != nil || shown {
		return "", shown, err
	}
	if given.CallbackURL == "" {
		return "", false, errors.New("where the service reaches callbacks is missing: " +
			"set TWOCAPTCHA_CALLBACK_URL, or --callback-url, to a URL like https://example.com/2captcha")
	}
	if err := given.CheckCallbackURL(); err != nil {
		return "", false, err
	}
	secret, err := command.CallbackSecret(environ)
	if err != nil {
		return "", false, err
	}
	if given.WorkflowID == nil {
		address, err = callback.URL(given.CallbackURL, secret)
		return address, false, err
	}
	if address, err = callback.WorkflowURL(given.CallbackURL, secret, *given.WorkflowID); err != nil {
		return "", false, fmt.Errorf("--workflow-id: %w", err)
	}
	return address, false, nil
}

const callbackURLDescription = `Prints an address to give as callbackUrl with createTask. When the task has ended, the service calls there, and the
task's workflow asks for the result at once. Begin the wait with --callback, or "callback": true in its input.

The address is a new one each time, and the same each time with --workflow-id. Whoever knows it can wake waits, and
do nothing else. Its domain must be registered with the 2captcha account; a worker with --callback-address is behind it.

Environment:
  TWOCAPTCHA_CALLBACK_SECRET        The secret of callback addresses, the worker's; or
  TWOCAPTCHA_CALLBACK_SECRET_FILE   a file that holds it. Exactly one of the two.

Example:
  TWOCAPTCHA_CALLBACK_SECRET_FILE=/run/secrets/callbacks starter callback-url --callback-url https://example.com/2captcha

Exit status:
  0  the address is printed
  1  standard output can't be written
  2  bad usage or configuration`
