// Command inline runs a workflow that buys a task and waits for its result in its own history: this
// program's worker has the provider's plugin and the client key, and no other worker is needed:
//
//	TWOCAPTCHA_API_KEY_FILE=/run/secrets/2captcha go run ./examples/inline order-17
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const taskQueue = "inline-example"

// LogIn must be started without a retry policy: a run that repeats another one buys nothing,
// because nobody can tell what the other one bought.
func LogIn(ctx workflow.Context) (string, error) {
	result, err := workflows.Solve(ctx, workflows.SolveTaskInput{
		Task:    json.RawMessage(`{"type": "TextCaptchaTask", "comment": "If tomorrow is Saturday, what day is today?"}`),
		Timeout: 5 * time.Minute,
	})
	switch workflows.ErrorCode(err) {
	case twocaptcha.ErrorCaptchaUnsolvable:
		return "", err // another Solve may succeed
	case workflows.ErrorTypeTaskTimeout, workflows.ErrorTypeNoAnswer:
		details, _ := workflows.Details(err) // the task is paid for: wait for the same one again
		again, err := workflows.Await(ctx, workflows.AwaitTaskResultInput{TaskID: details.TaskID})
		return string(again.Solution), err
	}
	return string(result.Solution), err
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: inline ORDER")
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatalf("%s: %v", workflows.ErrorCode(err), err)
	}
}

func run(ctx context.Context, order string) error {
	options, err := envconfig.LoadDefaultClientOptions() // TEMPORAL_ADDRESS and the like
	if err != nil {
		return err
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	temporalClient, err := client.DialContext(ctx, options)
	if err != nil {
		return err
	}
	defer temporalClient.Close()

	plugin, err := provider.NewPlugin(provider.ConfigFromEnvironment(os.Getenv))
	if err != nil {
		return err
	}
	w := worker.New(temporalClient, taskQueue, worker.Options{
		Plugins:           []worker.Plugin{plugin},
		WorkerStopTimeout: 20 * time.Second, // requests under way finish when the worker stops
	})
	w.RegisterWorkflow(LogIn)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()

	// A second run of this program for an order gets the first one's result.
	started, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "inline-example-" + order, TaskQueue: taskQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}, LogIn)
	if err != nil {
		return err
	}
	var solution string
	if err := started.Get(ctx, &solution); err != nil {
		return err
	}
	fmt.Println(solution)
	return nil
}
