// Command nexus solves a captcha in a workflow that is not in the provider's namespace: it serves a
// task queue of its own, runs the workflow there, and calls the provider by a Nexus endpoint. It
// needs no client key.
//
//	temporal operator nexus endpoint create --name captchas --target-namespace default --target-task-queue 2captcha
//	TEMPORAL_NAMESPACE=shop NEXUS_ENDPOINT=captchas go run ./examples/nexus order-17
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/nexusservice"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const taskQueue = "shop"

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: nexus ORDER")
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatalf("%s: %v", workflows.ErrorCode(err), err)
	}
}

func run(ctx context.Context, order string) error {
	temporalClient, err := client.DialContext(ctx, client.Options{
		HostPort:  os.Getenv("TEMPORAL_ADDRESS"),
		Namespace: os.Getenv("TEMPORAL_NAMESPACE"),
		Logger:    sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
	})
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

	started, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "log-in-" + order, TaskQueue: taskQueue,
	}, LogIn, os.Getenv("NEXUS_ENDPOINT"), order)
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

// LogIn needs the solution of a captcha. The order names the purchase, so that neither a reset nor
// another run of this workflow buys a second one.
func LogIn(ctx workflow.Context, endpoint, order string) (string, error) {
	solving := workflow.NewNexusClient(endpoint, nexusservice.Service).ExecuteOperation(ctx, nexusservice.SolveTask,
		workflows.SolveTaskInput{
			Task: json.RawMessage(`{"type": "TextCaptchaTask", "comment": "2+2?"}`),
			ID:   order,
		},
		workflow.NexusOperationOptions{
			ScheduleToCloseTimeout: time.Hour,
			CancellationType:       workflow.NexusOperationCancellationTypeWaitRequested,
		})
	var output workflows.SolveTaskOutput
	err := solving.Get(ctx, &output)
	switch code := workflows.ErrorCode(err); {
	case err == nil:
		return string(output.Solution), nil
	case code == workflows.Canceled:
		return "", err
	case code == twocaptcha.ErrorCaptchaUnsolvable:
		return "", temporal.NewNonRetryableApplicationError("nobody could solve the captcha", code, err)
	default:
		return "", temporal.NewNonRetryableApplicationError("the captcha is not solved: "+code, code, err)
	}
}
