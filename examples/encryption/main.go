// Command encryption submits a task so that Temporal stores nothing of it in the clear: it serves a
// task queue of its own with the provider's plugin, and submits a task there. Its client encrypts
// every payload, the worker's too, since the worker uses the same client.
//
//	PAYLOAD_KEY=$(openssl rand -hex 32) TWOCAPTCHA_API_KEY_FILE=/run/secrets/2captcha go run ./examples/encryption
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const taskQueue = "2captcha-encrypted"

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatalf("%s: %v", workflows.ErrorCode(err), err)
	}
}

func run(ctx context.Context) error {
	key, err := hex.DecodeString(os.Getenv("PAYLOAD_KEY"))
	if err != nil {
		return fmt.Errorf("PAYLOAD_KEY is not hexadecimal: it takes 64 digits")
	}
	codec, err := newCodec(key)
	if err != nil {
		return err
	}
	temporalClient, err := client.DialContext(ctx, client.Options{
		HostPort:      os.Getenv("TEMPORAL_ADDRESS"),
		DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec),
		Logger:        sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
	})
	if err != nil {
		return err
	}
	defer temporalClient.Close()

	plugin, err := provider.NewPlugin(provider.ConfigFromEnvironment(os.Getenv))
	if err != nil {
		return err
	}
	w := worker.New(temporalClient, taskQueue, worker.Options{
		Plugins:           []worker.Plugin{plugin}, // the worker's own list, with plugins of yours
		WorkerStopTimeout: 20 * time.Second,        // requests under way finish when the worker stops
	})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()

	// The id names the purchase: a second run of this program gets the first one's result.
	options := workflows.SolveOptions("encryption-example")
	options.TaskQueue = taskQueue
	started, err := temporalClient.ExecuteWorkflow(ctx, options, workflows.SolveTaskWorkflow, workflows.SolveTaskInput{
		Task: json.RawMessage(`{"type": "TextCaptchaTask", "comment": "If tomorrow is Saturday, what day is today?"}`),
	})
	if err != nil {
		return err
	}
	var output workflows.SolveTaskOutput
	if err := started.Get(ctx, &output); err != nil {
		return err
	}
	fmt.Println(string(output.Solution))
	return nil
}
