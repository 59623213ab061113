package command

import (
	"errors"
	"fmt"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// The variables that give the secret of callback addresses. One of them is set.
const (
	CallbackSecretVariable     = "TWOCAPTCHA_CALLBACK_SECRET"
	CallbackSecretFileVariable = "TWOCAPTCHA_CALLBACK_SECRET_FILE"
)

// maxCallbackSecret is in bytes. A larger file is another one, given by mistake.
const maxCallbackSecret = 4096

// CallbackURLFlag is embedded in the command lines that are told where the service reaches
// callbacks.
type CallbackURLFlag struct {
	CallbackURL string `name:"callback-url" placeholder:"URL" environment:"TWOCAPTCHA_CALLBACK_URL" help:"Base of callback addresses, where the service reaches the worker, such as https://example.com/2captcha."`
}

// CheckCallbackURL returns an error if the flag, or its variable, is set and can't be the base of
// callback addresses.
func (f CallbackURLFlag) CheckCallbackURL() error {
	if f.CallbackURL == "" {
		return nil
	}
	if err := callback.CheckURL(f.CallbackURL); err != nil {
		return fmt.Errorf("TWOCAPTCHA_CALLBACK_URL, or --callback-url: %w", err)
	}
	return nil
}

// CallbackSecret returns the secret of callback addresses. An error says which variable is missing
// or wrong, and shows neither the secret nor the name of its file.
func CallbackSecret(environment Environment) (string, error) {
	secret := withoutLineEnds(environment.Getenv(CallbackSecretVariable))
	path := environment.Getenv(CallbackSecretFileVariable)
	switch {
	case secret == "" && path == "":
		return "", errors.New("the secret of callback addresses is missing: " +
			"set " + CallbackSecretVariable + ", or " + CallbackSecretFileVariable + " to a file that holds it")
	case secret != "" && path != "":
		return "", errors.New(CallbackSecretVariable + " and " + CallbackSecretFileVariable +
			" are both set: set one of them")
	case secret != "":
		return secret, nil
	}
	secret, err := readSecretFile(path, maxCallbackSecret, "the secret of callback addresses")
	if err != nil {
		return "", fmt.Errorf("the file that %s names %w", CallbackSecretFileVariable, err)
	}
	return secret, nil
}
