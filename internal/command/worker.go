package command

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	// WorkerStopTimeout covers a request under way (15 s at most) and the report of its outcome,
	// within the 30 s that a pod has for its shutdown.
	WorkerStopTimeout = 20 * time.Second

	// WorkflowCacheSize is how many waits a worker process keeps in memory between their polls, by
	// default.
	WorkflowCacheSize = 4000

	// WorkerPollers is how many requests for tasks of each kind a worker process has open, by
	// default.
	WorkerPollers = 8
)

// WorkerOptions returns the options that all workers of the commands have. The values that differ
// from the SDK's were found by go run ./bench --scale: with the SDK's 2 pollers a busy server has
// tasks waiting while the worker is idle, and the SDK's cache of 10,000 workflows doubles the
// memory and saves next to nothing, since replaying a wait is cheap.
func WorkerOptions(plugin *temporal.SimplePlugin) worker.Options {
	return worker.Options{
		Plugins:                          []worker.Plugin{plugin},
		MaxConcurrentWorkflowTaskPollers: WorkerPollers,
		MaxConcurrentActivityTaskPollers: WorkerPollers,
		WorkerStopTimeout:                WorkerStopTimeout,
	}
}

// Plugin returns the provider for a worker in this process. config is what
// provider.ConfigFromEnvironment returns, with what the command's flags say. An error says which
// variable is missing or wrong, and never holds the key.
func Plugin(config provider.Config) (*temporal.SimplePlugin, error) {
	keyVariable := provider.ClientKeyVariable
	switch {
	case config.ClientKey == "" && config.ClientKeyFile == "":
		return nil, errors.New("the account's key is missing: " +
			"set " + provider.ClientKeyVariable + ", or " + provider.ClientKeyFileVariable + " to a file that holds it")
	case config.ClientKey != "" && config.ClientKeyFile != "":
		return nil, errors.New(provider.ClientKeyVariable + " and " + provider.ClientKeyFileVariable +
			" are both set: set one of them")
	case config.ClientKeyFile != "":
		keyVariable = provider.ClientKeyFileVariable
	}
	if err := twocaptcha.CheckURL(config.APIURL); err != nil {
		return nil, fmt.Errorf("%s, or --api-url: %w", provider.APIURLVariable, err)
	}
	if err := twocaptcha.CheckProxy(config.APIURL); err != nil {
		return nil, err
	}
	if _, err := activities.ParseMinBalance(config.MinBalance); err != nil {
		return nil, fmt.Errorf("%s, or --min-balance: %w", provider.MinBalanceVariable, err)
	}
	plugin, err := provider.NewPlugin(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyVariable, err)
	}
	return plugin, nil
}
