package main

import (
	"errors"
	"io"
	"log/slog"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// settings are what flags and environment say, checked.
type settings struct {
	flags     flags
	client    client.Options
	worker    worker.Options
	callbacks callback.Options // all but its client
	logger    *slog.Logger
}

// newSettings returns an error that says what is wrong with the configuration.
func newSettings(f flags, environment command.Environment, stderr io.Writer) (settings, error) {
	logger := slog.New(logHandler(f, stderr))
	ofCallbacks, err := callbackOptions(f, environment, logger)
	if err != nil {
		return settings{}, err
	}
	ofWorker, err := workerOptions(f, environment, callbackAddresses(f, ofCallbacks))
	if err != nil {
		return settings{}, err
	}
	ofClient, err := clientOptions(environment, logger)
	if err != nil {
		return settings{}, err
	}
	return settings{f, ofClient, ofWorker, ofCallbacks, logger}, nil
}

// workerOptions have the provider as a plugin, with the account's key in it.
func workerOptions(f flags, environment command.Environment, addresses command.CallbackAddresses) (worker.Options, error) {
	plugin, err := command.Plugin(environment, f.APIURL, addresses, f.Nexus == nexusOff)
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

func logHandler(f flags, stderr io.Writer) slog.Handler {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // one of those that the flag takes
	options := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.NewJSONHandler(stderr, options)
	}
	return slog.NewTextHandler(stderr, options)
}
