package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// dialTimeout bounds the wait for a server that does not answer, so that the user learns of it.
const dialTimeout = 10 * time.Second

// clientKind is what a client is for.
type clientKind int

const (
	ofCommand clientKind = iota
	ofWorker
)

// ClientOptions returns how the user's Temporal server is reached, as TEMPORAL_* and temporal.toml
// say, with address and namespace filled in. An error says what is wrong there.
func ClientOptions(environment Environment) (client.Options, error) {
	return clientOptions(environment, ofCommand)
}

// WorkerClientOptions is ClientOptions for the client of a worker. It does not compress its
// requests, and so the server does not compress its answers: the messages of waits are small, and
// the SDK's gzip takes an eighth of a worker's CPU time to make them a quarter smaller.
func WorkerClientOptions(environment Environment) (client.Options, error) {
	options, err := clientOptions(environment, ofWorker)
	if err != nil {
		return client.Options{}, err
	}
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	if options.DataConverter == nil {
		options.DataConverter = DataConverter()
	} else {
		options.DataConverter = workflow.DataConverterWithoutDeadlockDetection(options.DataConverter)
	}
	return options, nil
}

func clientOptions(environment Environment, kind clientKind) (client.Options, error) {
	profile, err := loadProfile(environment)
	if err != nil {
		return client.Options{}, err
	}
	options, err := clientOptionsOf(profile)
	if err != nil {
		return client.Options{}, err
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return withCodec(options, profile, kind)
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
	for text, whatToDo := range misfits() {
		if strings.Contains(cause.Error(), text) {
			return fmt.Errorf("the Temporal server at %s can't be reached: %s (%w)", address, whatToDo, cause)
		}
	}
	whatToDo := strings.Join(append([]string{"start it, or set TEMPORAL_ADDRESS"}, advice...), "; ")
	return fmt.Errorf("the Temporal server at %s can't be reached: %s (%w)", address, whatToDo, cause)
}

// misfits are texts of errors after which the server is there and the settings don't fit it, with
// what to do. No two of them are in one error.
func misfits() map[string]string {
	const noTLS = "TLS is on, by TEMPORAL_API_KEY or TEMPORAL_TLS_*, and the server has none: set TEMPORAL_TLS=false, " +
		"or TEMPORAL_ADDRESS to a server with TLS"
	const noGRPC = "its port does not answer as gRPC without TLS does: set TEMPORAL_TLS=true if the server has TLS, " +
		"or TEMPORAL_ADDRESS to the port of its gRPC API"
	return map[string]string{
		"first record does not look like a TLS handshake": noTLS,
		"error reading server preface":                    noGRPC,
		"tls: failed to verify certificate": "its certificate can't be verified: set TEMPORAL_TLS_SERVER_CA_CERT_PATH to its " +
			"authority's certificate, or TEMPORAL_TLS_SERVER_NAME to the name in it",
		"tls: certificate required": "it asks for a certificate: set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH",
	}
}

// DataConverter is Temporal's default one, for the client of a worker. A result of 256 KiB takes
// some time to convert. On a starved machine that may exceed the second after which the SDK takes a
// workflow for deadlocked, although conversion can't deadlock.
func DataConverter() converter.DataConverter {
	return workflow.DataConverterWithoutDeadlockDetection(converter.GetDefaultDataConverter())
}
