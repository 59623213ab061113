package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

// flags are what the command line takes. One with an environment tag takes its value from that variable where the
// command line does not give it. The account's key and the secret of callback addresses are none of them: what is on a command
// line is seen by every process.
type flags struct {
	APIURL               string `name:"api-url" default:"${api_url}" placeholder:"URL" environment:"TWOCAPTCHA_API_URL" help:"The service's address (default ${api_url})."`
	TaskQueue            string `default:"${task_queue}" placeholder:"NAME" environment:"TEMPORAL_TASK_QUEUE" help:"The task queue to poll (default ${task_queue})."`
	MaxRequestsPerSecond rate   `default:"0" placeholder:"N" environment:"TWOCAPTCHA_MAX_REQUESTS_PER_SECOND" help:"The most requests a second that the task queue's workers send together; the one started last decides. 0: no limit (default)."`
	WorkflowCacheSize    int    `default:"${workflow_cache_size}" placeholder:"N" help:"How many waits are kept in memory between their polls; others are replayed from their histories. 0: none (default ${workflow_cache_size})."`
	CallbackAddress      string `placeholder:"HOST:PORT" environment:"TWOCAPTCHA_CALLBACK_ADDRESS" help:"Take the service's callbacks here, by HTTP; :PORT is every interface. Needs their secret."`
	command.CallbackURLFlag
	CallbackDomainToken string `placeholder:"TOKEN" environment:"TWOCAPTCHA_CALLBACK_DOMAIN_TOKEN" help:"What the service is to read at /2captcha.txt, as the proof that the domain is yours."`
	LogFormat           string `default:"text" enum:"text,json" placeholder:"FORMAT" help:"text (default) or json."`
	LogLevel            string `default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"debug, info (default), warn or error."`
	command.CommonFlags
}

// parseFlags reads the command line and the environment. Where these ask for help or for the version, it writes that
// to stdout and answers shown. An error says what is wrong with which flag.
func parseFlags(args []string, environ command.Environment, stdout io.Writer) (given flags, shown bool, err error) {
	_, shown, err = command.ParseFlags("worker", description, &given, args, environ, stdout)
	if err != nil || shown {
		return given, shown, err
	}
	return given, false, given.validate()
}

func (f flags) validate() error {
	if f.WorkflowCacheSize < 0 {
		return fmt.Errorf("--workflow-cache-size is %d: it takes 0, for none, or a positive number", f.WorkflowCacheSize)
	}
	if f.TaskQueue == "" {
		return errors.New("--task-queue is empty: it takes the task queue's name")
	}
	if f.CallbackAddress != "" && !isHostAndPort(f.CallbackAddress) {
		return fmt.Errorf("TWOCAPTCHA_CALLBACK_ADDRESS, or --callback-address, is %q: "+
			"it takes HOST:PORT, or :PORT for every interface", f.CallbackAddress)
	}
	return f.CheckCallbackURL()
}

func isHostAndPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// rate is a number of requests a second, 0 for no limit.
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

const description = `Waits for the results of 2captcha tasks: runs the workflows and activities of the task queue until it is
stopped.

Environment:
  TWOCAPTCHA_API_KEY        The account's key; or
  TWOCAPTCHA_API_KEY_FILE   a file that holds it, read at every request. Exactly one of the two.
  TWOCAPTCHA_CALLBACK_SECRET, TWOCAPTCHA_CALLBACK_SECRET_FILE
                            With --callback-address: the secret of callback addresses, 32 random bytes, or a file that
                            holds it. The starter, which makes addresses, has the same.
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE
                            The Temporal server, as for Temporal's own tools (default: localhost:7233, namespace
                            "default", and what the user's temporal.toml says).
  TEMPORAL_DEPLOYMENT_NAME, TEMPORAL_WORKER_BUILD_ID
                            Both together: the worker takes part in Worker Versioning as this version.

Example:
  TWOCAPTCHA_API_KEY_FILE=/run/secrets/2captcha TEMPORAL_ADDRESS=temporal:7233 worker --log-format json

SIGINT and SIGTERM drain: polls and callbacks under way finish (at most 20 s), then it ends. A second signal ends it at once.

Exit status:
  0  stopped by a signal
  1  the Temporal server can't be reached, or refuses the worker; or nothing can listen at --callback-address
  2  bad usage or configuration`
