package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// The variables that hold the secret of callback addresses, the one or the other.
const (
	CallbackSecretVariable     = "TWOCAPTCHA_CALLBACK_SECRET"
	CallbackSecretFileVariable = "TWOCAPTCHA_CALLBACK_SECRET_FILE"
)

// maxCallbackSecret is in bytes. Whatever is larger is another file, given by mistake.
const maxCallbackSecret = 4096

// CallbackURLFlag is embedded in the flags of commands that are told where the service reaches callbacks.
type CallbackURLFlag struct {
	CallbackURL string `name:"callback-url" placeholder:"URL" environment:"TWOCAPTCHA_CALLBACK_URL" help:"Where the service reaches the worker's callbacks, such as https://example.com/2captcha."`
}

// CheckCallbackURL returns an error where the flag, or its variable, is set to what is no base of callback addresses.
func (f CallbackURLFlag) CheckCallbackURL() error {
	if f.CallbackURL == "" {
		return nil
	}
	if _, err := callback.URL(f.CallbackURL, "any"); err != nil { // a base is judged alike with every secret
		return fmt.Errorf("TWOCAPTCHA_CALLBACK_URL, or --callback-url: %w", err)
	}
	return nil
}

// CallbackSecret returns the secret of callback addresses, without line ends after it: the same secret may reach one process by
// a variable and another by a file, and files end with a line end. An error says which variable is missing or wrong. It shows
// neither the secret nor the file's name, which may be the secret, given in the wrong variable.
func CallbackSecret(environment Environment) (string, error) {
	secret := strings.TrimRight(environment.Getenv(CallbackSecretVariable), "\r\n")
	path := environment.Getenv(CallbackSecretFileVariable)
	switch {
	case secret == "" && path == "":
		return "", errors.New("the secret of callback addresses is missing: " +
			"set " + CallbackSecretVariable + ", or " + CallbackSecretFileVariable + " to a file that holds it")
	case secret != "" && path != "":
		return "", errors.New(CallbackSecretVariable + " and " + CallbackSecretFileVariable + " are both set: set one of them")
	case secret != "":
		return secret, nil
	}
	secret, err := readSecret(path)
	if err != nil {
		return "", fmt.Errorf("the file that %s names %w", CallbackSecretFileVariable, err)
	}
	return secret, nil
}

func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCallbackSecret+1))
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	secret := strings.TrimRight(string(content), "\r\n")
	switch {
	case secret == "":
		return "", errors.New("is empty: it takes the secret of callback addresses")
	case len(content) > maxCallbackSecret:
		return "", fmt.Errorf("is over %d bytes long: it takes the secret of callback addresses and nothing else", maxCallbackSecret)
	}
	return secret, nil
}

func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
