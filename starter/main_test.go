package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// outcomeOf runs the command with an environment of its own.
func outcomeOf(ctx context.Context, environ []string, stdin io.Reader, args ...string) (status int, stdout, stderr string) {
	var out, messages bytes.Buffer
	// Nothing of the user's own settings is read.
	environ = append([]string{"TEMPORAL_CONFIG_FILE=" + os.DevNull}, environ...)
	status = run(ctx, command.Invocation{
		Name: "starter", Arguments: args, Environment: environ, Input: stdin, Output: &out, Errors: &messages,
	})
	return status, out.String(), messages.String()
}

func TestBadUsageIsOneLineAndStartsNothing(t *testing.T) {
	t.Parallel()
	const (
		seeHelp  = " (see starter --help)"
		positive = " is not a task id: a task id is a positive integer such as 74372499131"
		key      = "TWOCAPTCHA_API_KEY=a-key-of-the-test"
	)
	tests := map[string]struct {
		args    []string
		environ []string
		stdin   string
		message string
	}{
		"no task id":                {nil, nil, "", `no task id: give the ids as arguments, or "-" and one a line on standard input; or try --demo`},
		"a word":                    {[]string{"1", "x"}, nil, "", `"x"` + positive},
		"a negative id":             {[]string{"-5"}, nil, "", `"-5"` + positive + seeHelp},
		"a negative id of many":     {[]string{"1", "--detach", "-74372499131"}, nil, "", `"-74372499131"` + positive + seeHelp},
		"a negative id after --":    {[]string{"--", "-5"}, nil, "", `"-5"` + positive},
		"a bad line":                {[]string{"-"}, nil, "1\nx\n", `standard input, line 2: "x"` + positive},
		"an unknown flag":           {[]string{"--fast", "1"}, nil, "", "unknown flag --fast" + seeHelp},
		"no unit":                   {[]string{"--timeout", "900", "1"}, nil, "", `--timeout: expected duration but got "900": time: missing unit in duration "900"` + seeHelp},
		"no duration":               {[]string{"1", "--timeout"}, nil, "", "--timeout: expected duration value but got none" + seeHelp},
		"too short an interval":     {[]string{"--poll-interval", "1s", "1"}, nil, "", `pollInterval is 1s: it takes a duration from "5s" to "24h", since the service bans those who ask more often`},
		"a negative duration":       {[]string{"--timeout=-5s", "1"}, nil, "", `timeout is -5s: it takes a duration from "1ms" to "24h"`},
		"a year":                    {[]string{"--timeout=8760h", "1"}, nil, "", `timeout is 8760h0m0s: it takes a duration from "1ms" to "24h"`},
		"no task queue":             {[]string{"--task-queue=", "1"}, nil, "", "--task-queue is empty: it takes the task queue's name" + seeHelp},
		"a long fairness key":       {[]string{"--fairness-key", strings.Repeat("k", 65), "1"}, nil, "", "--fairness-key has 65 bytes: Temporal takes up to 64" + seeHelp},
		"a flag as a task queue":    {[]string{"--task-queue", "--detach", "1"}, nil, "", `--task-queue: expected string value but got "--detach" (long flag); perhaps try --task-queue="--detach"?` + seeHelp},
		"demo with an id":           {[]string{"--demo", "1"}, nil, "", "--demo has tasks of its own: leave the task ids out" + seeHelp},
		"demo with a flag":          {[]string{"--demo", "--timeout", "5m"}, nil, "", "--demo takes no other flag" + seeHelp},
		"demo and dev":              {[]string{"--demo", "--dev"}, nil, "", "--demo takes no other flag" + seeHelp},
		"dev and detach":            {[]string{"--dev", "--detach", "1"}, []string{key}, "", "--dev does not go with --detach: its worker and its server end with the command" + seeHelp},
		"an address without dev":    {[]string{"--api-url", "http://localhost:1", "1"}, nil, "", "--api-url goes with --dev only: without --dev your worker asks the service, and has a setting of its own" + seeHelp},
		"a log level without dev":   {[]string{"--log-level", "info", "1"}, nil, "", "--log-level goes with --dev only" + seeHelp},
		"an unknown log level":      {[]string{"--dev", "--log-level", "loud", "1"}, []string{key}, "", `--log-level must be one of "off","error","warn","info","debug" but got "loud"` + seeHelp},
		"dev without a key":         {[]string{"--dev", "1"}, nil, "", "the account's key is missing: set TWOCAPTCHA_API_KEY, or TWOCAPTCHA_API_KEY_FILE to a file that holds it"},
		"dev with two keys":         {[]string{"--dev", "1"}, []string{key, "TWOCAPTCHA_API_KEY_FILE=key"}, "", "TWOCAPTCHA_API_KEY and TWOCAPTCHA_API_KEY_FILE are both set: set one of them"},
		"dev with a bad address":    {[]string{"--dev", "1"}, []string{key, "TWOCAPTCHA_API_URL=http://example.com"}, "", "TWOCAPTCHA_API_URL, or --api-url: twocaptcha: URL http://example.com would send the client key in the clear: use https://, since http:// is for loopback hosts only"},
		"dev and callback":          {[]string{"--dev", "--callback", "1"}, []string{key, "TWOCAPTCHA_CALLBACK_ADDRESS=:0"}, "", "--dev does not go with --callback: its worker takes no callbacks" + seeHelp},
		"demo and callback":         {[]string{"--demo", "--callback"}, nil, "", "--demo takes no other flag" + seeHelp},
		"no way to poll":            {[]string{"--polling", "retry", "1"}, nil, "", `polling is "retry": it takes "timer" or "activityRetry"`},
		"an interval with callback": {[]string{"--callback", "--max-poll-interval", "59s", "1"}, nil, "", `maxPollInterval is 59s: it takes a duration from pollInterval, 1m0s, to "24h"`},
		"callback-url after a flag": {[]string{"--task-queue", "q", "callback-url"}, nil, "", "callback-url goes first, and without task ids: starter callback-url [flags]" + seeHelp},
		"callback-url after an id":  {[]string{"1", "callback-url"}, nil, "", "callback-url goes first, and without task ids: starter callback-url [flags]" + seeHelp},
		"a profile that isn't one":  {[]string{"1"}, []string{"TEMPORAL_PROFILE=none"}, "", "TEMPORAL_PROFILE is \"none\": it takes the name of a profile in " + os.DevNull + ", which has no such profile"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t.Context(), test.environ, strings.NewReader(test.stdin), test.args...)
			require.Equal(t, "starter: "+test.message+"\n", stderr)
			require.Empty(t, stdout)
			require.Equal(t, command.ExitUsage, status)
		})
	}
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	address := closedPort(t)
	status, stdout, stderr := outcomeOf(t.Context(), []string{"TEMPORAL_ADDRESS=" + address}, nil, "1", "2")
	require.Regexp(t, `^starter: the Temporal server at `+address+` can't be reached: start it, or set TEMPORAL_ADDRESS; `+
		`--dev brings one along \(.*connection refused.*\)\n$`, stderr)
	require.Empty(t, stdout)
	require.Equal(t, command.ExitFailed, status)
}

func TestRepeatedTaskIDsAreSaid(t *testing.T) {
	t.Parallel()
	_, _, stderr := outcomeOf(t.Context(), []string{"TEMPORAL_ADDRESS=" + closedPort(t)}, nil, "7", "8", "7", "7")
	require.True(t, strings.HasPrefix(stderr, "starter: given more than once, waited for once: 7\n"), stderr)
}

func TestInterruptBeforeAnythingIsStarted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	stdin, writer := io.Pipe() // as a terminal on which nothing is typed
	defer writer.Close()
	cancel()
	status, stdout, stderr := outcomeOf(ctx, nil, stdin, "-")
	require.Equal(t, "starter: interrupted before anything was started\n", stderr)
	require.Empty(t, stdout)
	require.Equal(t, command.ExitInterrupted, status)
}

func TestHelpNamesFlagsEnvironmentAndExitStatuses(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--help", "-h"} {
		status, stdout, stderr := outcomeOf(t.Context(), nil, nil, flag)
		require.Equal(t, command.ExitDone, status)
		require.Empty(t, stderr)
		for _, text := range []string{
			"Usage: starter [<task-id> ...] [flags]",
			"--initial-delay", "--poll-interval", "--max-poll-interval", "--timeout", "--task-queue", "--fairness-key", "--detach", "--dev", "--demo", "--api-url",
			"--callback", "--polling", "starter solve TASK", "starter balance", "starter report correct|incorrect TASK-ID", "starter callback-url",
			"TEMPORAL_ADDRESS", "TEMPORAL_CODEC_ENDPOINT", "TEMPORAL_TASK_QUEUE", "TEMPORAL_CLI", "TWOCAPTCHA_API_KEY", "TWOCAPTCHA_API_KEY_FILE", "TWOCAPTCHA_API_URL",
			"starter 74372499131 74372499132", "Exit status:", "130",
		} {
			require.Contains(t, stdout, text)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	status, stdout, _ := outcomeOf(t.Context(), nil, nil, "--version")
	require.Equal(t, command.ExitDone, status)
	require.Regexp(t, `^starter \d+\.\d+\.\d+( \(commit [0-9a-f]+(-dirty)?\))?\n$`, stdout)
}

func TestDefaultsOfFlagsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	environ := command.Environment{`=C:=C:\x`, "TEMPORAL_TASK_QUEUE=captchas", "TWOCAPTCHA_API_URL=http://localhost:1"}

	a, err := awaitOf(environ, "1")
	require.NoError(t, err, "a variable, unlike a flag, may be set for other commands")
	require.Equal(t, "captchas", a.TaskQueue)
	require.Equal(t, "http://localhost:1", a.APIURL)

	a, err = awaitOf(environ, "1", "--task-queue", "mine")
	require.NoError(t, err)
	require.Equal(t, "mine", a.TaskQueue, "the command line counts more")

	a, err = awaitOf(command.Environment{"TEMPORAL_TASK_QUEUE="}, "1")
	require.NoError(t, err)
	require.Equal(t, "2captcha", a.TaskQueue)
	require.Equal(t, "https://api.2captcha.com", a.APIURL)

	_, err = awaitOf(environ, "--demo")
	require.NoError(t, err)
}

// awaitOf reads a command line without the name of a subcommand.
func awaitOf(environment command.Environment, arguments ...string) (awaitCommand, error) {
	var line commandLine
	parsed, _, err := command.Invocation{
		Name: "starter", Arguments: arguments, Environment: environment, Output: io.Discard,
	}.ParseFlags("", &line)
	if err != nil {
		return awaitCommand{}, err
	}
	return line.Await, line.Await.validate(parsed)
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
