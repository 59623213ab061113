package main

import (
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// keyKept is how long the worker is ready without a key that can be read: a file that is being
// replaced will be there again.
const keyKept = 10 * time.Minute

// keyState returns a function that says why there is no usable key any more: what check says, once
// it has said so for keyKept. The function is for one goroutine.
func keyState(check func() error, now func() time.Time) (lost func() error) {
	usable := now()
	return func() error {
		err := check()
		switch {
		case err == nil:
			usable = now()
		case now().Sub(usable) < keyKept:
			return nil
		}
		return err
	}
}

// keyCheck returns a function that reads the key anew, and says why it is not usable.
func keyCheck(environment command.Environment) func() error {
	config := provider.ConfigFromEnvironment(environment.Getenv)
	return func() error {
		_, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: config.ClientKey, ClientKeyFile: config.ClientKeyFile})
		return err
	}
}
