// Package provider registers everything that waiting for a 2captcha task needs on a Temporal
// worker, in one line: the workflows, the activities, which hold the client key, and the Nexus
// service, by which callers in other namespaces run the workflows.
//
// # Plugin
//
// [NewPlugin] returns the plugin:
//
//	plugin, err := provider.NewPlugin(provider.ConfigFromEnvironment(os.Getenv))
//	…
//	worker.New(temporalClient, workflows.TaskQueue, worker.Options{
//		Plugins:           []worker.Plugin{plugin},
//		WorkerStopTimeout: 20 * time.Second,
//	})
//
// [Register] does the same on a worker without plugins.
//
// # Stopping a worker
//
// With the stop timeout, a worker that is stopped waits for the answers to its requests. Without it
// requests for results are sent again, up to 35 seconds later, and what a submission under way has
// bought may stay unknown.
//
// # Rolling out a new version
//
// [Verify] replays a namespace's executions with the build that it is part of, and reports those
// that the build can't go on with.
//
// # Configuration
//
// [ConfigFromEnvironment] reads the client key from TWOCAPTCHA_API_KEY, or from the file that
// TWOCAPTCHA_API_KEY_FILE names, the API's address from TWOCAPTCHA_API_URL, and the balance below
// which nothing is submitted from TWOCAPTCHA_MIN_BALANCE. WrapTransport of [Config] wraps the HTTP
// transport, for example to trace requests. With CallbackURL and CallbackSecret, the workflow
// SolveTask has the service call it instead of polling; a handler of package callback must take the
// calls.
//
// # Nexus
//
// The Nexus service is that of package nexusservice. It adds a poller to the worker, which needs a
// server with Nexus: TWOCAPTCHA_NEXUS=off, or DisableNexus of [Config], leaves it out. All workers
// of a task queue must agree on that: a caller whose request comes to a worker without the service
// gets an error that is not retried.
package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// PluginName is the name of the plugin that [NewPlugin] returns.
const PluginName = "temporal-providers.2captcha"

// Config says which 2captcha account the worker asks with, and where. The zero value is not valid:
// a key is needed. It is printed, logged and marshaled without the key.
type Config struct {
	// ClientKey is the account's API key. Exactly one of ClientKey and ClientKeyFile is given.
	ClientKey string
	// ClientKeyFile is a file that holds the key. It is read at every request, so that a rotated key
	// counts at once. twocaptcha.Options.ClientKeyFile says what becomes of a file that is missing,
	// and of a changed key that is wrong: no wait fails by it, and the worker's log tells.
	ClientKeyFile string
	// APIURL is the API's base; "" is https://api.2captcha.com. Plain http is taken for loopback hosts
	// only.
	APIURL string
	// WrapTransport returns what sends the HTTP requests instead of next, which it calls: to trace
	// them, for example. It is twocaptcha.Options.WrapTransport; nil: nothing is wrapped.
	WrapTransport func(next http.RoundTripper) http.RoundTripper
	// CallbackURL and CallbackSecret make the addresses that SolveTask gives to the service: the URL
	// at which the service reaches a callback.Handler of this namespace, and that handler's secret.
	// They are given together. Without them, SolveTask polls.
	CallbackURL    string
	CallbackSecret string
	// MinBalance is the balance below which nothing is submitted, an amount in the account's currency
	// such as "1" or "0.50": see activities.WithMinBalance. "" and "0": there is no floor, and no
	// balance is asked for.
	MinBalance string
	// KeyCheck gets a function, once, from NewPlugin or Register: it returns nil if there has been a
	// usable client key within the last 10 minutes, and else an error that says what is wrong with
	// ClientKeyFile, without the key. check reads the file, sends nothing and is safe for concurrent
	// use: a readiness probe may call it. nil: nobody needs it.
	KeyCheck func(check func() error)
	// DisableNexus leaves out the Nexus service.
	DisableNexus bool
	// Now is the clock by which 5 seconds pass between two requests for a task, and other times that
	// requests wait, for tests that skip time, such as TestWorkflowEnvironment.Now. It must be safe
	// for concurrent use; nil is time.Now, and no distance in the SDK's test environments.
	Now func() time.Time
}

// The environment variables that [ConfigFromEnvironment] reads.
const (
	ClientKeyVariable     = "TWOCAPTCHA_API_KEY"
	ClientKeyFileVariable = "TWOCAPTCHA_API_KEY_FILE"
	APIURLVariable        = "TWOCAPTCHA_API_URL"
	MinBalanceVariable    = activities.MinBalanceVariable
	NexusVariable         = "TWOCAPTCHA_NEXUS"
)

// ConfigFromEnvironment reads a Config through getenv, which is os.Getenv as a rule. It checks
// nothing: [NewPlugin] does. It does not read CallbackURL and CallbackSecret, since their variables
// don't say whether somebody takes the calls.
// TWOCAPTCHA_NEXUS leaves out the Nexus service if it is "off".
func ConfigFromEnvironment(getenv func(string) string) Config {
	return Config{
		ClientKey:     getenv(ClientKeyVariable),
		ClientKeyFile: getenv(ClientKeyFileVariable),
		APIURL:        getenv(APIURLVariable),
		MinBalance:    getenv(MinBalanceVariable),
		DisableNexus:  getenv(NexusVariable) == "off",
	}
}

// NewPlugin returns a plugin for worker.Options, and for a workflow replayer's options. One value
// may serve any number of workers. A client hands its plugins on to its workers: give the plugin to
// the client or to the worker. Given to both, the worker panics at start, because everything is
// registered twice.
// So does that of a worker without workflows: use [activities.New] there. The error says what is
// wrong with config, and never holds the key.
func NewPlugin(config Config) (*temporal.SimplePlugin, error) {
	client, activities, err := newActivities(config)
	if err != nil {
		return nil, err
	}
	return temporal.NewSimplePlugin(temporal.SimplePluginOptions{
		Name:    PluginName,
		Version: twocaptcha.Version,
		RunContextBefore: func(_ context.Context, options temporal.SimplePluginRunContextBeforeOptions) error {
			if options.WorkflowReplayer {
				register(replayerRegistry{options.Registry}, config, activities)
			} else {
				register(options.Registry, config, activities)
			}
			return nil
		},
		// A worker that has stopped leaves nothing behind in a process that goes on. Polls under way are
		// waited for after this hook; their connections are closed once they are idle.
		RunContextAfter: func(context.Context, temporal.SimplePluginRunContextAfterOptions) {
			client.CloseIdleConnections()
		},
	})
}

// replayerRegistry takes the same workflow more than once: a replayer runs a plugin's hook before
// each history.
type replayerRegistry struct{ registry }

func (r replayerRegistry) RegisterWorkflowWithOptions(definition any, options workflow.RegisterOptions) {
	options.DisableAlreadyRegisteredCheck = true
	r.registry.RegisterWorkflowWithOptions(definition, options)
}

// Register registers the same as the plugin does, for workers without plugins. Its error is that of
// [NewPlugin]. Idle connections to the service are closed 90 seconds after their last request, even
// if the worker stops earlier.
func Register(registry worker.Registry, config Config) error {
	_, activities, err := newActivities(config)
	if err != nil {
		return err
	}
	register(registry, config, activities)
	return nil
}

func newActivities(config Config) (*twocaptcha.Client, *activities.Activities, error) {
	address, err := callbackAddress(config)
	if err != nil {
		return nil, nil, err
	}
	minBalance, err := activities.ParseMinBalance(config.MinBalance)
	if err != nil {
		return nil, nil, fmt.Errorf("temporal-2captcha: MinBalance: %w", err)
	}
	client, err := newClient(config)
	if err != nil {
		return nil, nil, err
	}
	if config.KeyCheck != nil {
		config.KeyCheck(client.KeyUsable)
	}
	return client, activities.New(client, activities.WithClock(config.Now),
		activities.WithCallbackAddress(address), activities.WithMinBalance(minBalance)), nil
}

// callbackAddress returns what makes the address of a submission, or nil if config has none.
func callbackAddress(config Config) (func(workflowID, submission string) (string, error), error) {
	base, secret := config.CallbackURL, config.CallbackSecret
	switch {
	case base == "" && secret == "":
		return nil, nil
	case base == "" || secret == "":
		return nil, errors.New("temporal-2captcha: CallbackURL and CallbackSecret are given together: " +
			"set both, or neither if nobody takes callbacks")
	}
	if _, err := callback.SubmissionURL(base, secret, "workflow", "submission"); err != nil {
		return nil, fmt.Errorf("temporal-2captcha: CallbackURL and CallbackSecret: %w", err)
	}
	return func(workflowID, submission string) (string, error) {
		return callback.SubmissionURL(base, secret, workflowID, submission)
	}, nil
}

func newClient(config Config) (*twocaptcha.Client, error) {
	client, err := twocaptcha.NewClient(config.clientOptions())
	if err != nil {
		return nil, fmt.Errorf("temporal-2captcha: %w", err)
	}
	return client, nil
}

func (c Config) clientOptions() twocaptcha.Options {
	return twocaptcha.Options{
		ClientKey: c.ClientKey, ClientKeyFile: c.ClientKeyFile, URL: c.APIURL, WrapTransport: c.WrapTransport,
		Now: c.Now, Log: logInActivity,
	}
}

// logInActivity logs to the logger of the worker whose activity sends the request.
func logInActivity(ctx context.Context, level slog.Level, message string, keysAndValues ...any) {
	logger := activity.GetLogger(ctx)
	switch {
	case level >= slog.LevelError:
		logger.Error(message, keysAndValues...)
	case level >= slog.LevelWarn:
		logger.Warn(message, keysAndValues...)
	default:
		logger.Info(message, keysAndValues...)
	}
}

// registry is what a worker, a plugin's hook and the test environment have in common.
type registry interface {
	RegisterWorkflowWithOptions(any, workflow.RegisterOptions)
	RegisterActivityWithOptions(any, activity.RegisterOptions)
	RegisterNexusService(*nexus.Service)
}

func register(registry registry, config Config, activities *activities.Activities) {
	workflows.Register(registry)
	activities.Register(registry)
	if !config.DisableNexus {
		registry.RegisterNexusService(newNexusService())
	}
}
