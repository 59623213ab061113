// Command testing runs a workflow that needs the answer to a captcha on a Temporal server against
// the fake 2captcha service, so that it takes neither an account nor money. The workflow's test,
// beside it, takes no server either, and skips time.
//
//	go run ./examples/testing 'What is 2+2?' 'unreadable'
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/twocaptchatest"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const taskQueue = "testing-example"

// FindAnswer asks the service, and a person if the service can't solve the captcha.
func FindAnswer(ctx workflow.Context, question string) (answer string, err error) {
	task, _ := json.Marshal(map[string]string{"type": "TextCaptchaTask", "comment": question})
	result, err := workflows.Solve(ctx, workflows.SolveTaskInput{Task: task})
	if code := workflows.ErrorCode(err); code == twocaptcha.ErrorCaptchaUnsolvable {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Hour})
		err = workflow.ExecuteActivity(ctx, AskPerson, question, code).Get(ctx, &answer)
		return answer, err
	}
	return string(result.Solution), err
}

// AskPerson is the activity that would show the question to a person, and say why.
func AskPerson(question, why string) (string, error) {
	return "asked a person, because of " + why, nil
}

// becomes says what the fake makes of a task.
func becomes(task twocaptchatest.NewTask) twocaptchatest.Submission {
	answer := twocaptchatest.ReadyAfter(8*time.Second, `{"text":"4"}`)
	if bytes.Contains(task.Task, []byte("unreadable")) {
		answer = twocaptchatest.Error(twocaptcha.ErrorCaptchaUnsolvable)
	}
	return twocaptchatest.Submission{Answers: []twocaptchatest.Answer{answer}}
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		log.Fatalf("%s: %v", workflows.ErrorCode(err), err)
	}
}

func run(ctx context.Context, questions []string) error {
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

	service, err := twocaptchatest.Start(twocaptchatest.Options{ClientKey: "test-key", NewTask: becomes})
	if err != nil {
		return err
	}
	defer service.Close()
	plugin, err := provider.NewPlugin(provider.Config{ClientKey: "test-key", APIURL: service.URL()})
	if err != nil {
		return err
	}
	w := worker.New(temporalClient, taskQueue, worker.Options{Plugins: []worker.Plugin{plugin}})
	w.RegisterWorkflow(FindAnswer)
	w.RegisterActivity(AskPerson)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()

	for _, question := range questions {
		started, err := temporalClient.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: taskQueue}, FindAnswer, question)
		if err != nil {
			return err
		}
		var answer string
		if err := started.Get(ctx, &answer); err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return nil
}
