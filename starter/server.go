package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// dialTimeout bounds the wait for a server that doesn't answer, so that the user hears of it.
const dialTimeout = 10 * time.Second

// serverName is what messages call a Temporal server.
type serverName struct{ address, namespace string }

// connect returns a client of the server, or says that it can't be reached. Without a Logger in the options, the SDK
// logs nothing: what users need to know arrives as an error.
func connect(ctx context.Context, options client.Options) (client.Client, serverName, error) {
	name := serverName{address: options.HostPort, namespace: options.Namespace}
	if options.Logger == nil {
		options.Logger = log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	temporal, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, name, fmt.Errorf("the Temporal server at %s can't be reached: "+
			"start it, or set TEMPORAL_ADDRESS; --dev brings one along (%w)", name.address, err)
	}
	return temporal, name, nil
}

// refusal says what to do about an error that a server answered with.
func (s serverName) refusal(err error) error {
	var namespace *serviceerror.NamespaceNotFound
	var permission *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &namespace):
		return fmt.Errorf("the Temporal server at %s has no namespace %q: set TEMPORAL_NAMESPACE to one that it has",
			s.address, s.namespace)
	case errors.As(err, &permission):
		return fmt.Errorf("the Temporal server at %s does not permit it in namespace %q: "+
			"check TEMPORAL_API_KEY or the TLS settings (%w)", s.address, s.namespace, err)
	}
	return fmt.Errorf("the Temporal server at %s: %w", s.address, err)
}

// fromServer tells whether an error is the server's own, and not one of a single workflow, such as that it was deleted.
func fromServer(err error) bool {
	var serverError serviceerror.ServiceError
	var notFound *serviceerror.NotFound
	return errors.As(err, &serverError) && !errors.As(err, &notFound)
}

// passing tells whether an error is one that a server gives for a while, when it is restarted or has too much to do.
func passing(err error) bool {
	var unavailable *serviceerror.Unavailable
	var exhausted *serviceerror.ResourceExhausted
	var late *serviceerror.DeadlineExceeded
	return errors.As(err, &unavailable) || errors.As(err, &exhausted) || errors.As(err, &late) ||
		errors.Is(err, context.DeadlineExceeded)
}
