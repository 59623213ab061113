package harness

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// ManySignals is how many signals a stubborn sender has.
const ManySignals = 1000

// BeginFlood waits until no other test sends as much as the server takes. The test calls end when
// it has sent everything.
func BeginFlood() (end func()) {
	fixture.floods.Lock()
	return fixture.floods.Unlock
}

// SignalManyTimes sends ManySignals signals, or a few more: a signal that a busy server did not
// answer is sent again.
func SignalManyTimes(t *testing.T, temporalClient client.Client, run client.WorkflowRun, payload func(i int) any) {
	t.Helper()
	defer BeginFlood()()
	ctx := Context(t)
	SendAtOnce(t, ManySignals, func(i int) error {
		for {
			err := temporalClient.SignalWorkflow(ctx, run.GetID(), "", workflows.TaskCallbackSignal, payload(i))
			if ctx.Err() != nil || !isLate(err) {
				return err
			}
		}
	})
}

// SendAtOnce calls send n times, from several goroutines, with i from 0 on.
func SendAtOnce(t *testing.T, n int, send func(i int) error) {
	t.Helper()
	const senders = 10
	var sending sync.WaitGroup
	failures := make([]error, senders)
	for sender := range senders {
		sending.Go(func() {
			for i := sender; i < n && failures[sender] == nil; i += senders {
				failures[sender] = send(i)
			}
		})
	}
	sending.Wait()
	require.NoError(t, errors.Join(failures...))
}

// isLate reports whether the server did not answer in time.
func isLate(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*serviceerror.DeadlineExceeded))
}
