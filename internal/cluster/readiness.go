package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	namespace       = "default"
	retention       = 24 * time.Hour
	questionTimeout = 10 * time.Second
	// questions to history are for that many workflows, so that each of its processes gets some.
	questions = 32
)

// waitUntilReady makes the namespace and returns when every process serves it.
func (c *Cluster) waitUntilReady(ctx context.Context) error {
	temporalClient, err := client.NewLazyClient(client.Options{
		HostPort: c.Address(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	for _, ask := range []func(context.Context, workflowservice.WorkflowServiceClient) error{register, askHistory, askMatching, askVisibility} {
		if err := c.askUntilAnswered(ctx, func(ctx context.Context) error { return ask(ctx, temporalClient.WorkflowService()) }); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) askUntilAnswered(ctx context.Context, ask func(context.Context) error) error {
	for {
		questionCtx, cancel := context.WithTimeout(ctx, questionTimeout)
		err := ask(questionCtx)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return c.Err()
		default:
		}
		if !pause(ctx) {
			return c.member(Frontend).explain(fmt.Errorf("%w: %w", context.Cause(ctx), err))
		}
	}
}

func register(ctx context.Context, service workflowservice.WorkflowServiceClient) error {
	_, err := service.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	if exists := new(serviceerror.NamespaceAlreadyExists); errors.As(err, &exists) {
		return nil
	}
	return err
}

// askHistory asks for workflows that are not there, of which every history process that knows the
// namespace says so.
func askHistory(ctx context.Context, service workflowservice.WorkflowServiceClient) error {
	for i := range questions {
		_, err := service.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
			Namespace: namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: fmt.Sprintf("none-%d", i)},
		})
		if unknown := new(serviceerror.NotFound); !errors.As(err, &unknown) {
			return fmt.Errorf("a question for a workflow that is not there: %w", err)
		}
	}
	return nil
}

func askMatching(ctx context.Context, service workflowservice.WorkflowServiceClient) error {
	_, err := service.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: "none"}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
	})
	return err
}

func askVisibility(ctx context.Context, service workflowservice.WorkflowServiceClient) error {
	_, err := service.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace})
	return err
}
