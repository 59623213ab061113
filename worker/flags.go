package main

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// flags are what the command line takes without a subcommand: the worker itself. The account's key
// and the secret of callback addresses are not flags: every process can see what is on a command
// line.
type flags struct {
	APIURL               string `name:"api-url" default:"${api_url}" placeholder:"URL" environment:"TWOCAPTCHA_API_URL" help:"The service's address (default ${api_url})."`
	TaskQueue            string `default:"${task_queue}" placeholder:"NAME" environment:"TEMPORAL_TASK_QUEUE" help:"The task queue to serve (default ${task_queue})."`
	MaxRequestsPerSecond rate   `default:"0" placeholder:"N" environment:"TWOCAPTCHA_MAX_REQUESTS_PER_SECOND" help:"Maximum requests per second, shared by all workers of the task queue; the worker started last sets it. 0: no limit (default)."`
	MinBalance           string `placeholder:"AMOUNT" environment:"TWOCAPTCHA_MIN_BALANCE" help:"Submit nothing while the account's balance, at most a minute old, is below this amount. 0: no such floor (default)."`
	WorkflowCacheSize    int    `default:"${workflow_cache_size}" placeholder:"N" help:"Maximum waits kept in memory between their polls; the others are replayed from their histories. 0: none (default ${workflow_cache_size})."`
	CallbackAddress      string `placeholder:"HOST:PORT" environment:"TWOCAPTCHA_CALLBACK_ADDRESS" help:"Listen here for the service's callbacks, by HTTP; :PORT listens on every interface. Needs the secret of callback addresses."`
	command.CallbackURLFlag
	CallbackDomainToken string `placeholder:"TOKEN" environment:"TWOCAPTCHA_CALLBACK_DOMAIN_TOKEN" help:"The text to serve at /2captcha.txt, by which the service verifies that the domain is yours."`
	Nexus               string `default:"on" placeholder:"on|off" environment:"TWOCAPTCHA_NEXUS" help:"on (default) or off: whether to serve the Nexus service 2captcha, by which workflows of other namespaces run these workflows."`
	MetricsAddress      string `placeholder:"HOST:PORT" environment:"TWOCAPTCHA_METRICS_ADDRESS" help:"Answer here, by HTTP, at /metrics, /healthz and /readyz; :PORT listens on every interface. Off by default."`
	LogFormat           string `default:"text" enum:"text,json" placeholder:"FORMAT" help:"text (default) or json."`
	LogLevel            string `default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"debug, info (default), warn or error."`
}

func (f flags) validate() error {
	if f.WorkflowCacheSize < 0 {
		return fmt.Errorf("--workflow-cache-size is %d: it takes 0, for none, or a positive number", f.WorkflowCacheSize)
	}
	if f.TaskQueue == "" {
		return errors.New("--task-queue is empty: it takes the task queue's name")
	}
	if err := checkListenAddress("TWOCAPTCHA_CALLBACK_ADDRESS, or --callback-address", f.CallbackAddress); err != nil {
		return err
	}
	if err := checkListenAddress("TWOCAPTCHA_METRICS_ADDRESS, or --metrics-address", f.MetricsAddress); err != nil {
		return err
	}
	if f.Nexus != nexusOn && f.Nexus != nexusOff {
		return fmt.Errorf("TWOCAPTCHA_NEXUS, or --nexus, is %q: it takes %s or %s", f.Nexus, nexusOn, nexusOff)
	}
	return f.CheckCallbackURL()
}

// What --nexus takes.
const (
	nexusOn  = "on"
	nexusOff = "off"
)

// checkListenAddress returns an error if the address is set and can't be one to listen on.
func checkListenAddress(name, address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil || port == "" {
		return fmt.Errorf("%s, is %q: it takes HOST:PORT, or :PORT for every interface", name, address)
	}
	return nil
}

// rate is a number of requests per second, 0 for no limit.
type rate float64

func (r *rate) UnmarshalText(text []byte) error {
	number, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) || number < 0 {
		return fmt.Errorf("TWOCAPTCHA_MAX_REQUESTS_PER_SECOND, or the flag, is %q: "+
			"it takes a positive number, or 0 for no limit", text)
	}
	*r = rate(number)
	return nil
}

func (flags) Description() string {
	return `Submits 2captcha tasks and waits for their results: runs the workflows and activities of a task queue until it is stopped.

worker verify replays the executions of a namespace before this build is rolled out: see worker verify --help.

Environment:
  TWOCAPTCHA_API_KEY        The account's key; or
  TWOCAPTCHA_API_KEY_FILE   a file that holds it, read before every request: replace it to rotate the key. Set exactly
                            one of the two.
  TWOCAPTCHA_CALLBACK_SECRET, TWOCAPTCHA_CALLBACK_SECRET_FILE
                            With --callback-address: the secret of callback addresses, 32 random bytes, or a file that
                            holds it. With --callback-url too, the service gets an address for each task that SolveTask
                            submits. starter callback-url, which makes addresses for other tasks, needs the same secret.
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE
                            The Temporal server, as for Temporal's own tools (default: localhost:7233, namespace
                            "default", and what your temporal.toml says).
  TEMPORAL_CODEC_ENDPOINT, TEMPORAL_CODEC_AUTH
                            Your codec server, which encodes what Temporal stores, and its Authorization header.
  TEMPORAL_DEPLOYMENT_NAME, TEMPORAL_WORKER_BUILD_ID
                            If both are set, the worker takes part in Worker Versioning as this version.
  OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_SERVICE_NAME, OTEL_*
                            The OpenTelemetry collector that takes traces, and the standard's other variables. Without
                            an endpoint there are no traces.

Example:
  TWOCAPTCHA_API_KEY_FILE=/run/secrets/2captcha TEMPORAL_ADDRESS=temporal:7233 worker --log-format json

SIGINT and SIGTERM drain the worker: polls and callbacks under way finish (within 20 s), then the worker ends. A second
signal ends it immediately.

Exit status:
  0  stopped by a signal
  1  the Temporal server can't be reached, or refuses the worker; or the worker can't listen at --callback-address or
     --metrics-address
  2  bad usage or configuration`
}
