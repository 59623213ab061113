package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// TestCallbackSecretsAreNowhere has the worker log everything it can. The harness looks for the
// callback secret and the client key in the output of every process and in every history.
func TestCallbackSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	secretFile := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secretFile, []byte(harness.CallbackSecret+"\n"), 0o600))
	service, taskQueue := harness.StartCallbackService(t, simulator.Options{}), harness.NewTaskQueue()
	temporalClient := harness.Dial(t)
	worker, base := harness.StartCallbackWorkerWith(t, []string{
		"TWOCAPTCHA_CALLBACK_SECRET=", "TWOCAPTCHA_CALLBACK_SECRET_FILE=" + secretFile,
	}, taskQueue, service.URL(), "--log-level", "debug")
	const code = "what-the-service-says-is-the-answer"
	callbacks := []simulator.Callback{
		{Code: code + harness.ClientKey}, {Code: code, Delay: time.Second},
		{Code: code, Kind: simulator.BrokenMAC}, {Code: code, Kind: simulator.OtherTask},
		{Code: code, Kind: simulator.UnknownTask},
	}

	var runs []client.WorkflowRun
	for range 3 {
		taskID := service.Reserve()
		runs = append(runs, harness.StartWait(t, temporalClient, taskQueue, harness.UntilCalledBack(taskID)))
		service.SubmitWithCallback(t, taskID, base, simulator.Submission{
			Answers: []simulator.Answer{simulator.Ready(`{"text":"abc"}`)}, Callbacks: callbacks,
		})
		require.NoError(t, service.WaitForCallbacks(harness.Context(t), taskID, len(callbacks)))
		// Temporal may have been too busy.
		_, err := harness.PostUntilTaken(harness.Context(t), service.Sender, harness.NewCallbackURL(t, base), taskID)
		require.NoError(t, err)
	}

	var histories strings.Builder
	for _, run := range runs {
		require.NoError(t, run.Get(harness.Context(t), nil))
		for _, event := range harness.UndisturbedHistory(t, temporalClient, run.GetID(), run.GetRunID()) {
			histories.WriteString(event.String())
		}
	}
	require.Contains(t, histories.String(), workflows.TaskCallbackSignal)
	worker.WaitForOutput(t, "callback to an unknown address")
	worker.WaitForOutput(t, "callback passed on")
	written := worker.Stdout() + worker.Stderr()
	for what, text := range map[string]string{"the worker's output": written, "a history": histories.String()} {
		require.NotContains(t, text, code, "the code in %s", what)
		for _, delivery := range service.Callbacks() {
			token := delivery.URL[strings.LastIndexByte(delivery.URL, '/')+1:]
			require.NotContains(t, text, token, "an address in %s", what)
		}
	}
}
