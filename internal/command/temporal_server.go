package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// dialTimeout bounds the wait for a server that does not answer, so that the user learns of it.
const dialTimeout = 10 * time.Second

// ClientOptions returns how the user's Temporal server is reached, as TEMPORAL_* and temporal.toml
// say, with address and namespace filled in. An error says what is wrong there.
func ClientOptions(environment Environment) (client.Options, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: environment})
	if err != nil {
		return client.Options{}, fmt.Errorf("the TEMPORAL_* environment or temporal.toml: %w", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options, nil
}

// Dial returns a client of the Temporal server. Its error is [Unreachable]'s.
func Dial(ctx context.Context, options client.Options, advice ...string) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	temporalClient, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, Unreachable(options.HostPort, err, advice...)
	}
	return temporalClient, nil
}

// Unreachable says that a Temporal server does not answer, and what the user can do. advice is what
// the command offers besides.
func Unreachable(address string, cause error, advice ...string) error {
	whatToDo := strings.Join(append([]string{"start it, or set TEMPORAL_ADDRESS"}, advice...), "; ")
	return fmt.Errorf("the Temporal server at %s can't be reached: %s (%w)", address, whatToDo, cause)
}

// DataConverter is Temporal's default one, for the client of a worker. A result of 256 KiB takes
// some time to convert. On a starved machine that may exceed the second after which the SDK takes a
// workflow for deadlocked, although conversion can't deadlock.
func DataConverter() converter.DataConverter {
	return workflow.DataConverterWithoutDeadlockDetection(converter.GetDefaultDataConverter())
}
