package command_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func TestPayloadsAreNotLogged(t *testing.T) {
	t.Parallel()
	const solution, inBase64 = "a solution!!", "YSBzb2x1dGlvbiEh"
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(solution)
	require.NoError(t, err)
	for _, format := range []string{"text", "json"} {
		var lines bytes.Buffer
		logger := command.NewLogger(&lines, format, slog.LevelDebug)
		sdk := log.With(log.NewStructuredLogger(logger), "ActivityType", "getTaskResult")
		sdk.Info("Activity complete after timeout.", "Attempt", 1, "Result", payloads, "Error", nil)
		sdk.Debug("a line", "Input", payloads, "Output", payloads.Payloads[0])
		log.With(sdk, "Result", payloads, "Input", payloads).Warn("another")
		logger.WithGroup("group").Info("a third", "Result", solution)
		for _, kept := range []string{"Activity complete after timeout.", "getTaskResult", "Attempt", "a line", "another", "a third"} {
			require.Contains(t, lines.String(), kept, format)
		}
		require.NotContains(t, lines.String(), solution, format)
		require.NotContains(t, lines.String(), inBase64, format)
		require.NotRegexp(t, `\bResult\b`, lines.String(), format)
	}
}

func TestLinesBelowTheLevelAreNotLogged(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	logger := command.NewLogger(&lines, "json", slog.LevelWarn)
	logger.Info("not this")
	logger.Warn("but this")
	require.Regexp(t, `^\{"time":"[^"]+","level":"WARN","msg":"but this"\}\n$`, lines.String())
}
