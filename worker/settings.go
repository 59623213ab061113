package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/provider"
)

// settings are what flags and environment say, checked.
type settings struct {
	flags     flags
	client    client.Options
	worker    worker.Options
	callbacks callback.Options // all but its client
	logger    *slog.Logger
	metrics   http.Handler // what /metrics answers; nil: it is not found
	traces    *traces      // nil: none
	lostKey   func() error // why there is no usable key any more, or nil
}

// newSettings returns an error that says what is wrong with the configuration.
func newSettings(f flags, environment command.Environment, stderr io.Writer) (settings, error) {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // one of those that the flag takes
	logger := command.NewLogger(stderr, f.LogFormat, level)
	ofCallbacks, err := callbackOptions(f, environment, logger)
	if err != nil {
		return settings{}, err
	}
	ofClient, err := clientOptions(environment, logger)
	if err != nil {
		return settings{}, err
	}
	s := settings{flags: f, client: ofClient, callbacks: ofCallbacks, logger: logger}
	config := provider.ConfigFromEnvironment(environment.Getenv)
	config.APIURL, config.MinBalance, config.DisableNexus = f.APIURL, f.MinBalance, f.Nexus == nexusOff
	config.CallbackURL, config.CallbackSecret = callbackAddress(f, ofCallbacks)
	config.KeyCheck = func(check func() error) { s.lostKey = check }
	if s.traces, err = newTraces(environment, logger); err != nil {
		return settings{}, err
	}
	if s.traces != nil {
		s.client.Interceptors = append(s.client.Interceptors, s.traces.temporal) // the client's workers use it too
		config.WrapTransport = s.traces.wrapTransport
	}
	if f.MetricsAddress != "" {
		if s.client.MetricsHandler, s.metrics, err = newMetrics(logger); err != nil {
			return settings{}, err
		}
		s.callbacks.Metrics = s.client.MetricsHandler
	}
	s.worker, err = workerOptions(f, environment, config)
	return s, err
}

// workerOptions have the provider as a plugin, with the account's key in it.
func workerOptions(f flags, environment command.Environment, config provider.Config) (worker.Options, error) {
	plugin, err := command.Plugin(config)
	if err != nil {
		return worker.Options{}, err
	}
	deployment, err := deploymentOptions(environment)
	if err != nil {
		return worker.Options{}, err
	}
	options := command.WorkerOptions(plugin)
	options.TaskQueueActivitiesPerSecond = float64(f.MaxRequestsPerSecond)
	options.DeploymentOptions = deployment
	return options, nil
}

// deploymentOptions make the worker a version of a deployment if the environment names both, as
// Temporal's Worker Controller does.
func deploymentOptions(environment command.Environment) (worker.DeploymentOptions, error) {
	version := worker.WorkerDeploymentVersion{
		DeploymentName: environment.Getenv("TEMPORAL_DEPLOYMENT_NAME"),
		BuildID:        environment.Getenv("TEMPORAL_WORKER_BUILD_ID"),
	}
	if version == (worker.WorkerDeploymentVersion{}) {
		return worker.DeploymentOptions{}, nil
	}
	if version.DeploymentName == "" || version.BuildID == "" {
		return worker.DeploymentOptions{}, errors.New("only one of TEMPORAL_DEPLOYMENT_NAME and " +
			"TEMPORAL_WORKER_BUILD_ID is set: set both, for Worker Versioning, or neither")
	}
	return worker.DeploymentOptions{UseVersioning: true, Version: version}, nil
}

func clientOptions(environment command.Environment, logger *slog.Logger) (client.Options, error) {
	options, err := command.WorkerClientOptions(environment)
	if err != nil {
		return client.Options{}, err
	}
	options.Logger = log.NewStructuredLogger(logger)
	return options, nil
}
