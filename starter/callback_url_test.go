package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

const (
	callbackSecret         = "a secret of the tests, 32 bytes."
	callbackSecretVariable = "TWOCAPTCHA_CALLBACK_SECRET=" + callbackSecret
	callbackURLVariable    = "TWOCAPTCHA_CALLBACK_URL=https://example.com/2captcha"
)

func TestCallbackURLIsPrintedAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(callbackSecret+"\n"), 0o600))
	ofOrder7, err := callback.WorkflowURL("https://example.com/2captcha", callbackSecret, "order-7")
	require.NoError(t, err)
	const ofTask = `^https://example\.com/2captcha/task\.[\w-]{22}\.[\w-]{43}\n$`
	tests := map[string]struct {
		environ []string
		args    []string
		printed string // a pattern, or the line itself
	}{
		"for any task":     {[]string{callbackURLVariable, callbackSecretVariable}, nil, ofTask},
		"for a workflow":   {[]string{callbackURLVariable, callbackSecretVariable}, []string{"--workflow-id", "order-7"}, ofOrder7 + "\n"},
		"a secret's file":  {[]string{callbackURLVariable, "TWOCAPTCHA_CALLBACK_SECRET_FILE=" + file}, []string{"--workflow-id=order-7"}, ofOrder7 + "\n"},
		"the flag":         {[]string{callbackSecretVariable}, []string{"--callback-url", "https://example.com/2captcha/"}, ofTask},
		"the flag first":   {[]string{"TWOCAPTCHA_CALLBACK_URL=no URL", callbackSecretVariable}, []string{"--callback-url", "https://example.com/2captcha"}, ofTask},
		"no Temporal used": {[]string{callbackURLVariable, callbackSecretVariable, "TEMPORAL_PROFILE=none"}, nil, ofTask},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t.Context(), test.environ, nil, append([]string{"callback-url"}, test.args...)...)
			require.Empty(t, stderr)
			require.Equal(t, command.ExitDone, status)
			if strings.HasPrefix(test.printed, "^") {
				require.Regexp(t, test.printed, stdout)
				return
			}
			require.Equal(t, test.printed, stdout)
		})
	}
}

func TestCallbackURLThatCantBeMade(t *testing.T) {
	t.Parallel()
	// An id that is empty by mistake must not become an address for any task.
	const noID = "--workflow-id: callback: the workflow id is empty: it takes the id of the workflow to wake"
	badURL := "TWOCAPTCHA_CALLBACK_URL, or --callback-url: " + callback.CheckURL("example.com").Error()
	tests := map[string]struct {
		environ []string
		args    []string
		message string
	}{
		"no URL":               {[]string{callbackSecretVariable}, nil, "the base of callback addresses is missing: set TWOCAPTCHA_CALLBACK_URL, or --callback-url, to a URL like https://example.com/2captcha"},
		"a host as a URL":      {[]string{callbackSecretVariable, "TWOCAPTCHA_CALLBACK_URL=example.com"}, nil, badURL},
		"a host as the flag":   {[]string{callbackSecretVariable, callbackURLVariable}, []string{"--callback-url", "example.com"}, badURL},
		"no secret":            {[]string{callbackURLVariable}, nil, "the secret of callback addresses is missing: set TWOCAPTCHA_CALLBACK_SECRET, or TWOCAPTCHA_CALLBACK_SECRET_FILE to a file that holds it"},
		"two secrets":          {[]string{callbackURLVariable, callbackSecretVariable, "TWOCAPTCHA_CALLBACK_SECRET_FILE=s"}, nil, "TWOCAPTCHA_CALLBACK_SECRET and TWOCAPTCHA_CALLBACK_SECRET_FILE are both set: set one of them"},
		"an empty workflow id": {[]string{callbackURLVariable, callbackSecretVariable}, []string{"--workflow-id="}, noID},
		"no workflow id":       {[]string{callbackURLVariable, callbackSecretVariable}, []string{"--workflow-id"}, "--workflow-id: expected string value but got none"},
		"a task id":            {[]string{callbackURLVariable, callbackSecretVariable}, []string{"74372499131"}, "unexpected argument 74372499131"},
		"a flag of the waits":  {[]string{callbackURLVariable, callbackSecretVariable}, []string{"--detach"}, "unknown flag --detach"},
		"the secret as a flag": {[]string{callbackURLVariable}, []string{"--secret", callbackSecret}, "unknown flag --secret"},
		"as its variable says": {[]string{callbackURLVariable}, []string{"--callback-secret=" + callbackSecret}, "unknown flag --callback-secret"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t.Context(), test.environ, nil, append([]string{"callback-url"}, test.args...)...)
			require.Equal(t, "starter: "+test.message+" (see starter callback-url --help)\n", stderr)
			require.Empty(t, stdout)
			require.Equal(t, command.ExitUsage, status)
		})
	}
}

func TestCallbackURLsHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--help", "-h"} {
		status, stdout, stderr := outcomeOf(t.Context(), nil, nil, "callback-url", flag)
		require.Equal(t, command.ExitDone, status)
		require.Empty(t, stderr)
		for _, text := range []string{
			"Usage: starter callback-url [flags]", "--callback-url", "--workflow-id", "TWOCAPTCHA_CALLBACK_URL",
			"TWOCAPTCHA_CALLBACK_SECRET", "TWOCAPTCHA_CALLBACK_SECRET_FILE", "Exit status:",
		} {
			require.Contains(t, stdout, text)
		}
	}
	status, stdout, _ := outcomeOf(t.Context(), nil, nil, "callback-url", "--version")
	require.Equal(t, command.ExitDone, status)
	require.Regexp(t, `^starter callback-url \d+\.\d+\.\d+( \(commit [0-9a-f]+(-dirty)?\))?\n$`, stdout)
}

func TestCallbackURLThatCantBeWritten(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	environ := []string{callbackURLVariable, callbackSecretVariable}
	status := run(t.Context(), command.Invocation{
		Name: "starter", Arguments: []string{"callback-url"}, Environment: environ, Output: fullDisk{}, Errors: &stderr,
	})
	require.Equal(t, command.ExitFailed, status)
	require.Equal(t, "starter: standard output can't be written: no space left on device\n", stderr.String())
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
