package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

const (
	exitStopped = 0 // by a signal, or it only showed its help
	exitFailed  = 1
	exitUsage   = 2

	// dialTimeout bounds the wait for a server that doesn't answer, so that whoever starts the worker hears of it.
	dialTimeout = 10 * time.Second
)

// run is the whole process but for its signals, of which ctx tells: it reads the configuration, polls the task queue
// until ctx is done, drains, and returns the exit status.
func run(ctx context.Context, args []string, environ command.Environment, stdout, stderr io.Writer) int {
	fail := func(status int, err error) int {
		fmt.Fprintln(stderr, "worker:", strings.Join(strings.Fields(err.Error()), " ")) // always one line
		return status
	}

	flags, shown, err := parseFlags(args, environ, stdout)
	if err != nil {
		return fail(exitUsage, fmt.Errorf("%w (see worker --help)", err))
	}
	if shown {
		return exitStopped
	}
	settings, err := newSettings(flags, environ, stderr)
	if err != nil {
		return fail(exitUsage, err)
	}
	if err := settings.run(ctx); err != nil {
		return fail(exitFailed, err)
	}
	return exitStopped
}

// settings are all that the process runs with.
type settings struct {
	flags     flags
	server    client.Options
	worker    worker.Options
	callbacks callback.Options // but for its client
	logger    *slog.Logger
}

// newSettings returns an error that says what is wrong with the configuration.
func newSettings(flags flags, environ command.Environment, stderr io.Writer) (settings, error) {
	workerOptions, err := workerOptions(flags, environ)
	if err != nil {
		return settings{}, err
	}
	logger := slog.New(logHandler(flags, stderr))
	clientOptions, err := clientOptions(environ, logger)
	if err != nil {
		return settings{}, err
	}
	callbackOptions, err := callbackOptions(flags, environ, logger)
	if err != nil {
		return settings{}, err
	}
	return settings{flags, clientOptions, workerOptions, callbackOptions, logger}, nil
}

// workerOptions has the provider as a plugin, with the account's key in it. An error says what is wrong with the
// configuration.
func workerOptions(flags flags, environ command.Environment) (worker.Options, error) {
	plugin, err := command.Plugin(environ, flags.APIURL)
	if err != nil {
		return worker.Options{}, err
	}
	deployment, err := deploymentOptions(environ)
	if err != nil {
		return worker.Options{}, err
	}
	options := command.WorkerOptions(plugin)
	options.TaskQueueActivitiesPerSecond = float64(flags.MaxRequestsPerSecond)
	options.DeploymentOptions = deployment
	return options, nil
}

// deploymentOptions makes the worker a version of a deployment where the environment names both, as Temporal's Worker
// Controller does.
func deploymentOptions(environ command.Environment) (worker.DeploymentOptions, error) {
	version := worker.WorkerDeploymentVersion{
		DeploymentName: environ.Getenv("TEMPORAL_DEPLOYMENT_NAME"),
		BuildID:        environ.Getenv("TEMPORAL_WORKER_BUILD_ID"),
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

func logHandler(flags flags, stderr io.Writer) slog.Handler {
	var level slog.Level
	_ = level.UnmarshalText([]byte(flags.LogLevel)) // one of those that the flag takes
	options := &slog.HandlerOptions{Level: level}
	if flags.LogFormat == "json" {
		return slog.NewJSONHandler(stderr, options)
	}
	return slog.NewTextHandler(stderr, options)
}

func clientOptions(environ command.Environment, logger *slog.Logger) (client.Options, error) {
	options, err := command.Server(environ)
	if err != nil {
		return client.Options{}, err
	}
	options.Logger = log.NewStructuredLogger(logger)
	options.DataConverter = command.DataConverter()
	return options, nil
}

// run polls the task queue and takes callbacks until ctx is done and what is under way then has finished. An error is an
// address that can't be listened on, or a Temporal server that can't be reached or that refuses the worker.
func (s settings) run(ctx context.Context) error {
	listener, err := listenForCallbacks(s.flags.CallbackAddress)
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close()
	}
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	temporal, err := client.DialContext(dialCtx, s.server)
	if ctx.Err() != nil {
		return nil // stopped before it began
	}
	if err != nil {
		return s.unreachable(err)
	}
	defer temporal.Close()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	serving := make(chan error, 1)
	go func() {
		defer stop()
		serving <- s.takeCallbacks(ctx, listener, temporal)
	}()
	err = s.poll(ctx, temporal)
	stop()
	return errors.Join(err, <-serving)
}

// poll polls the task queue until ctx is done and the polls under way have finished.
func (s settings) poll(ctx context.Context, temporal client.Client) error {
	worker.SetStickyWorkflowCacheSize(s.flags.WorkflowCacheSize) // the SDK has one cache for the whole process
	process := worker.New(temporal, s.flags.TaskQueue, s.worker)
	switch err := process.Start(); {
	case errors.As(err, new(*serviceerror.Unavailable)), errors.As(err, new(*serviceerror.DeadlineExceeded)):
		return s.unreachable(err)
	case err != nil:
		return fmt.Errorf("the Temporal server at %s refuses a worker in namespace %q: "+
			"set TEMPORAL_NAMESPACE, and the credentials that go with it (%w)", s.server.HostPort, s.server.Namespace, err)
	}
	s.logger.Info("worker started", "taskQueue", s.flags.TaskQueue, "namespace", s.server.Namespace,
		"address", s.server.HostPort, "apiURL", s.flags.APIURL)

	interrupt := make(chan any)
	stopWaiting := context.AfterFunc(ctx, func() {
		s.logger.Info("worker stopping: polls under way finish", "atMost", command.WorkerStopTimeout.String())
		close(interrupt)
	})
	defer stopWaiting()
	if err := process.Run(interrupt); err != nil {
		return fmt.Errorf("the Temporal server at %s no longer serves the worker: %w", s.server.HostPort, err)
	}
	s.logger.Info("worker stopped")
	return nil
}

func (s settings) unreachable(err error) error {
	return fmt.Errorf("the Temporal server at %s can't be reached: start it, or set TEMPORAL_ADDRESS (%w)", s.server.HostPort, err)
}
