package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func TestBadUsageOfVerifyIsOneLine(t *testing.T) {
	t.Parallel()
	const seeHelp = " (see worker verify --help)"
	for name, test := range map[string]struct {
		args    []string
		environ []string
		message string
	}{
		"no executions":         {[]string{"verify", "--limit", "0"}, nil, "--limit is 0: it takes a positive number" + seeHelp},
		"fewer than none":       {[]string{"verify", "--limit=-1"}, nil, "--limit is -1: it takes a positive number" + seeHelp},
		"a word for a limit":    {[]string{"verify", "--limit", "all"}, nil, `--limit: expected a valid 64 bit int but got "all"` + seeHelp},
		"a limit without end":   {[]string{"verify", "--limit", "9223372036854775808"}, nil, `--limit: expected a valid 64 bit int but got "9223372036854775808"` + seeHelp},
		"no time":               {[]string{"verify", "--since", "0s"}, nil, "--since is 0s: it takes a positive duration, such as 24h" + seeHelp},
		"the future":            {[]string{"verify", "--since=-1h"}, nil, "--since is -1h0m0s: it takes a positive duration, such as 24h" + seeHelp},
		"a time without a unit": {[]string{"verify", "--since", "24"}, nil, `--since: expected duration but got "24": time: missing unit in duration "24"` + seeHelp},
		"a flag of the worker":  {[]string{"verify", "--task-queue", "mine"}, nil, "unknown flag --task-queue" + seeHelp},
		"an argument":           {[]string{"verify", "default"}, nil, "unexpected argument default" + seeHelp},
		"verify after a flag":   {[]string{"--task-queue", "mine", "verify"}, nil, "verify goes first, and takes flags of its own: worker verify [flags] (see worker --help)"},
		"a missing profile":     {[]string{"verify"}, []string{"TEMPORAL_CONFIG_FILE=/dev/null", "TEMPORAL_PROFILE=none"}, `TEMPORAL_PROFILE is "none": it takes the name of a profile in /dev/null, which has no such profile`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t.Context(), test.environ, test.args...)
			require.Equal(t, "worker: "+test.message+"\n", stderr)
			require.Empty(t, stdout)
			require.Equal(t, command.ExitUsage, status)
		})
	}
}

// TestVerifyNeedsTheServerAlone has settings that would end a worker.
func TestVerifyNeedsTheServerAlone(t *testing.T) {
	t.Parallel()
	address := closedPort(t)
	environ := []string{
		"TEMPORAL_ADDRESS=" + address, "TWOCAPTCHA_API_URL=http://example.com", "TWOCAPTCHA_MAX_REQUESTS_PER_SECOND=few",
		"TWOCAPTCHA_CALLBACK_ADDRESS=8080", "TEMPORAL_WORKER_BUILD_ID=2",
	}
	status, stdout, stderr := outcomeOf(t.Context(), environ, "verify")
	require.Regexp(t, `^worker: the Temporal server at `+address+` can't be reached: start it, or set TEMPORAL_ADDRESS `+
		`\(.*connection refused.*\)\n$`, stderr)
	require.Empty(t, stdout)
	require.Equal(t, command.ExitFailed, status)
}

func TestVerifyThatIsInterruptedBeforeTheServerIsReached(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, stdout, stderr := outcomeOf(ctx, []string{"TEMPORAL_ADDRESS=" + closedPort(t)}, "verify")
	require.Equal(t, "worker: interrupted before everything was replayed\n", stderr)
	require.Empty(t, stdout)
	require.Equal(t, command.ExitInterrupted, status)
}

func TestHelpOfVerify(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--help", "-h"} {
		status, stdout, stderr := outcomeOf(t.Context(), nil, "verify", flag)
		require.Equal(t, command.ExitDone, status)
		require.Empty(t, stderr)
		for _, text := range []string{
			"Usage: worker verify [flags]", "--limit", "1000", "--since", "24h", "TEMPORAL_ADDRESS", "TEMPORAL_CODEC_ENDPOINT", "Exit status:", "130",
		} {
			require.Contains(t, stdout, text)
		}
	}
	_, stdout, _ := outcomeOf(t.Context(), nil, "--help")
	require.Contains(t, stdout, "worker verify --help")
}
