package main

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func TestAddressThatIsInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	address := taken.Addr().String()
	for flag, message := range map[string]string{
		"--callback-address": "callbacks can't be taken at " + address + ": set TWOCAPTCHA_CALLBACK_ADDRESS to ",
		"--metrics-address":  "metrics and health can't be served at " + address + ": set TWOCAPTCHA_METRICS_ADDRESS to ",
	} {
		status, stdout, stderr := outcomeOf(t.Context(),
			[]string{keyVariable, "TWOCAPTCHA_CALLBACK_SECRET=" + callbackSecret}, flag, address)
		require.Regexp(t, `^worker: `+message+`an address of this machine that is free \(.*address already in use\)\n$`, stderr)
		require.Empty(t, stdout)
		require.Equal(t, command.ExitFailed, status)
	}
}
