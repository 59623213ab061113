package batch

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// Server is a Temporal server: a client of it, and what messages call it.
type Server struct {
	Client             client.Client
	Address, Namespace string
}

// Status asks the job's workflow for its status.
func (s Server) Status(ctx context.Context, job Job) (workflows.AwaitTaskResultStatus, error) {
	answer, err := s.Client.QueryWorkflow(ctx, job.WorkflowID(), "", workflows.StatusQuery)
	if err != nil {
		return workflows.AwaitTaskResultStatus{}, err
	}
	var status workflows.AwaitTaskResultStatus
	return status, answer.Get(&status)
}

// refusal says what to do about an error that the server answered with.
func (s Server) refusal(err error) error {
	var namespace *serviceerror.NamespaceNotFound
	var permission *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &namespace):
		return fmt.Errorf("the Temporal server at %s has no namespace %q: set TEMPORAL_NAMESPACE to one that it has",
			s.Address, s.Namespace)
	case errors.As(err, &permission):
		return fmt.Errorf("the Temporal server at %s does not permit it in namespace %q: "+
			"check TEMPORAL_API_KEY or the TLS settings (%w)", s.Address, s.Namespace, err)
	}
	return fmt.Errorf("the Temporal server at %s: %w", s.Address, err)
}

// fromServer reports whether an error is about the server, and not about a single workflow that,
// for example, was deleted.
func fromServer(err error) bool {
	var serverError serviceerror.ServiceError
	var notFound *serviceerror.NotFound
	return errors.As(err, &serverError) && !errors.As(err, &notFound)
}

// transient reports whether a server returns an error only for a while: when it is restarted or has
// too much to do.
func transient(err error) bool {
	var unavailable *serviceerror.Unavailable
	var exhausted *serviceerror.ResourceExhausted
	var late *serviceerror.DeadlineExceeded
	return errors.As(err, &unavailable) || errors.As(err, &exhausted) || errors.As(err, &late) ||
		errors.Is(err, context.DeadlineExceeded)
}
