// Command callbacks runs a workflow that solves several captchas at the same time in its own
// history. The service calls this program when a task ends, and the workflow then asks for that
// task's result at once.
//
//	export TWOCAPTCHA_CALLBACK_ADDRESS=:8080 TWOCAPTCHA_CALLBACK_URL=https://captcha.example.com/hooks
//	export TWOCAPTCHA_CALLBACK_SECRET=$(openssl rand -hex 32)
//	TWOCAPTCHA_API_KEY_FILE=/run/secrets/2captcha go run ./examples/callbacks order-17 'What is 2+2?' 'What is 3+3?'
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const taskQueue = "callbacks-example"

// AnswerAll returns for each question its solution, or the code of the error that its task ended
// with.
func AnswerAll(ctx workflow.Context, questions []string) ([]string, error) {
	answers := make([]string, len(questions))
	callbacks := workflows.NewCallbacks(ctx) // once for all waits: it hands each call to its task's
	waits := workflow.NewWaitGroup(ctx)
	for i, question := range questions {
		waits.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer waits.Done()
			task, _ := json.Marshal(map[string]string{"type": "TextCaptchaTask", "comment": question})
			result, err := workflows.Solve(ctx, workflows.SolveTaskInput{Task: task}, workflows.WithCallbacks(callbacks))
			answers[i] = cmp.Or(workflows.ErrorCode(err), string(result.Solution))
		})
	}
	waits.Wait(ctx)
	return answers, ctx.Err()
}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: callbacks ORDER QUESTION...")
	}
	if err := run(context.Background(), os.Args[1], os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, order string, questions []string) error {
	options, err := envconfig.LoadDefaultClientOptions() // TEMPORAL_ADDRESS and the like
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	options.Logger = sdklog.NewStructuredLogger(logger)
	temporalClient, err := client.DialContext(ctx, options)
	if err != nil {
		return err
	}
	defer temporalClient.Close()

	// The plugin makes the addresses that the service calls, and the handler checks them.
	config := provider.ConfigFromEnvironment(os.Getenv)
	config.CallbackURL = os.Getenv("TWOCAPTCHA_CALLBACK_URL")
	config.CallbackSecret = os.Getenv("TWOCAPTCHA_CALLBACK_SECRET")
	handler, err := callback.NewHandler(callback.Options{
		Temporal: temporalClient, Secret: config.CallbackSecret, Logger: logger,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", os.Getenv("TWOCAPTCHA_CALLBACK_ADDRESS"))
	if err != nil {
		return err
	}
	server := callback.NewServer(handler)
	go server.Serve(listener)
	defer server.Close()

	plugin, err := provider.NewPlugin(config)
	if err != nil {
		return err
	}
	w := worker.New(temporalClient, taskQueue, worker.Options{
		Plugins:           []worker.Plugin{plugin},
		WorkerStopTimeout: 20 * time.Second, // requests under way finish when the worker stops
	})
	w.RegisterWorkflow(AnswerAll)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()

	// A second run of this program for an order gets the first one's result.
	started, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "callbacks-example-" + order, TaskQueue: taskQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}, AnswerAll, questions)
	if err != nil {
		return err
	}
	var answers []string
	if err := started.Get(ctx, &answers); err != nil {
		return err
	}
	for i, question := range questions {
		fmt.Printf("%s %s\n", question, answers[i])
	}
	return nil
}
