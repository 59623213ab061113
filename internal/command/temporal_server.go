package command

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/provider"
)

// Server returns where the user's Temporal server is and how to get in, as TEMPORAL_* and temporal.toml say, with the address
// and the namespace filled in. An error says what is wrong there.
func Server(environment Environment) (client.Options, error) {
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

// DataConverter is Temporal's default one, for the client of a worker. A result of 256 KiB takes some time to convert: on a
// starved machine that may pass the second after which the SDK takes a workflow for deadlocked, which conversion can't be.
func DataConverter() converter.DataConverter {
	return workflow.DataConverterWithoutDeadlockDetection(converter.GetDefaultDataConverter())
}

// Plugin returns the provider for a worker in this process, with the account's key from the environment. An error says
// which variable is missing or wrong, and never holds the key.
func Plugin(environment Environment, apiURL string) (*temporal.SimplePlugin, error) {
	config := provider.ConfigFromEnvironment(environment.Getenv)
	config.APIURL = apiURL
	keyVariable := provider.ClientKeyVariable
	switch {
	case config.ClientKey == "" && config.ClientKeyFile == "":
		return nil, errors.New("the account's key is missing: " +
			"set " + provider.ClientKeyVariable + ", or " + provider.ClientKeyFileVariable + " to a file that holds it")
	case config.ClientKey != "" && config.ClientKeyFile != "":
		return nil, errors.New(provider.ClientKeyVariable + " and " + provider.ClientKeyFileVariable + " are both set: set one of them")
	case config.ClientKeyFile != "":
		keyVariable = provider.ClientKeyFileVariable
	}
	if _, err := provider.NewPlugin(provider.Config{ClientKey: "any", APIURL: apiURL}); err != nil { // a URL is judged alike with every key
		return nil, fmt.Errorf("%s, or --api-url: %w", provider.APIURLVariable, err)
	}
	plugin, err := provider.NewPlugin(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyVariable, err)
	}
	return plugin, nil
}
