package e2e

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

// TestExampleCallbacks solves three captchas at the same time, the first of them last. Without a
// call its first poll would come after 60 seconds, and without callbacks after 5, too early.
func TestExampleCallbacks(t *testing.T) {
	t.Parallel()
	service := harness.StartSimulatorWith(t, simulator.Options{NewTask: func(task simulator.NewTask) simulator.Submission {
		answer := simulator.ReadyAfter(8*time.Second, `{"text":"4"}`)
		switch {
		case bytes.Contains(task.Task, []byte("3+3")):
			answer = simulator.ReadyAfter(time.Second, `{"text":"6"}`)
		case bytes.Contains(task.Task, []byte("unreadable")):
			answer = simulator.ErrorAfter(3*time.Second, "ERROR_CAPTCHA_UNSOLVABLE")
		}
		return simulator.Submission{Answers: []simulator.Answer{answer}}
	}})
	address := harness.NewAddress(t)

	done := runExample(t, buildExample(t, "callbacks"), []string{
		"TEMPORAL_ADDRESS=" + harness.Address(), "TWOCAPTCHA_API_KEY=" + harness.ClientKey,
		"TWOCAPTCHA_API_URL=" + service.URL(), "TWOCAPTCHA_CALLBACK_ADDRESS=" + address,
		"TWOCAPTCHA_CALLBACK_URL=http://" + address + "/hooks", "TWOCAPTCHA_CALLBACK_SECRET=" + harness.CallbackSecret,
	}, "order-17", "What is 2+2?", "What is 3+3?", "unreadable")

	require.Equal(t, 0, done.Status, done.Stderr)
	require.Equal(t, `What is 2+2? {"text":"4"}`+"\n"+`What is 3+3? {"text":"6"}`+"\n"+
		"unreadable ERROR_CAPTCHA_UNSOLVABLE\n", done.Stdout)
	purchases := service.Purchases()
	require.Len(t, purchases, 3)
	for _, purchase := range purchases {
		require.Len(t, service.RequestsFor(purchase.TaskID), 1, "the call says when to ask")
	}
}
