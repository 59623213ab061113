package stage

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// requestTimeout is of a request that an interrupt must not cut off.
const requestTimeout = 20 * time.Second

// CheckServer returns an error if the Temporal server that the environment names can't be reached,
// or does not serve the namespace.
func CheckServer(ctx context.Context, environment command.Environment) error {
	options, err := command.ClientOptions(environment)
	if err != nil {
		return err
	}
	temporalClient, err := dial(ctx, environment)
	if err != nil {
		return err
	}
	defer temporalClient.Close()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	describe := &workflowservice.DescribeNamespaceRequest{Namespace: options.Namespace}
	if _, err := temporalClient.WorkflowService().DescribeNamespace(ctx, describe); err != nil {
		return fmt.Errorf("the Temporal server at %s refuses namespace %q: set --namespace to one that it has, "+
			"and the credentials that go with it (%w)", options.HostPort, options.Namespace, err)
	}
	return nil
}

// dial returns a client of the Temporal server that the environment names.
func dial(ctx context.Context, environment command.Environment, interceptors ...interceptor.ClientInterceptor) (client.Client, error) {
	options, err := command.ClientOptions(environment)
	if err != nil {
		return nil, err
	}
	options.Logger, options.Interceptors = discardLogger(), interceptors
	return command.Dial(ctx, options)
}

// startedWorkflows intercepts a client's starts of workflows: all are on one task queue, and those
// that are open are known.
type startedWorkflows struct {
	interceptor.ClientInterceptorBase
	interceptor.ClientOutboundInterceptorBase
	taskQueue string
	open      sync.Map // ids of those that may be open
}

func (s *startedWorkflows) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	s.Next = next
	return s
}

// ExecuteWorkflow does not give up a request that is under way when ctx ends: the workflow might
// begin after it was terminated.
func (s *startedWorkflows) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	in.Options.TaskQueue, in.Options.ID = s.taskQueue, cmp.Or(in.Options.ID, rand.Text())
	s.open.Store(in.Options.ID, nil)
	return s.Next.ExecuteWorkflow(ctx, in)
}

// terminateOpen terminates what may be open, even if ctx has ended. The server terminates children
// with their parents.
func (s *stage) terminateOpen(ctx context.Context) {
	var ids []string
	for id := range s.started.open.Range {
		ids = append(ids, id.(string))
	}
	if len(ids) == 0 {
		return
	}
	s.Say("%s: terminating %d workflows", s.design.Name, len(ids))
	err := inParallel(len(ids), func(i int) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		err := s.temporalClient.TerminateWorkflow(ctx, ids[i], "", "the benchmark has ended")
		if ended := new(serviceerror.NotFound); errors.As(err, &ended) {
			return nil
		}
		return err
	})
	if err != nil {
		s.Say(`%s: some may still be open: run temporal workflow terminate --query 'TaskQueue="%s"' (%v)`,
			s.design.Name, s.started.taskQueue, err)
	}
}
