// Command child runs a workflow that needs the solution of a captcha. A child workflow on the
// provider's worker buys the task and waits, so this program has neither the plugin nor the client
// key:
//
//	TWOCAPTCHA_API_KEY_FILE=/run/secrets/2captcha go run ./worker &
//	go run ./examples/child order-17
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const taskQueue = "child-example"

// LogIn is the parent. The order's number names the purchase: whatever restarts, and however often
// LogIn runs for the order, one task is bought.
func LogIn(ctx workflow.Context, order string) (string, error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            workflows.SolveWorkflowID(order),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		TaskQueue:             workflows.TaskQueue,                 // the provider's worker, not this one
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON, // what is bought is waited for
		WaitForCancellation:   true,                                // and told, if this is canceled
	})
	var result workflows.SolveTaskOutput
	err := workflow.ExecuteChildWorkflow(ctx, workflows.SolveTaskWorkflow, workflows.SolveTaskInput{
		Task: json.RawMessage(`{"type": "TextCaptchaTask", "comment": "If tomorrow is Saturday, what day is today?"}`),
	}).Get(ctx, &result)
	switch workflows.ErrorCode(err) {
	case twocaptcha.ErrorCaptchaUnsolvable:
		return "", err // a new task, under a new id, may succeed
	case workflows.AlreadyRunning:
		return "", err // this order's task was bought before, by another run
	}
	return string(result.Solution), err
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: child ORDER")
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

	w := worker.New(temporalClient, taskQueue, worker.Options{})
	w.RegisterWorkflow(LogIn)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()

	// A second run of this program for an order gets the first one's result.
	started, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "child-example-" + order, TaskQueue: taskQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}, LogIn, order)
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
