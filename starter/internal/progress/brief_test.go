package progress

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
)

func TestBriefShowsResultsAndMessagesAlone(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	shown := NewBrief(command.Invocation{Output: &stdout, Errors: &stderr})
	shown.Open(noStatus)
	balance := batch.Wait{Job: batch.BalanceJob{ID: "1"}}
	shown.Begun(balance)
	require.NoError(t, shown.Result([]byte("{}\n")))
	shown.Ended(balance, batch.Outcome{Ready: true})
	shown.Say("a message")
	shown.Close()
	require.Equal(t, "{}\n", stdout.String())
	require.Equal(t, "a message\n", stderr.String())
}
