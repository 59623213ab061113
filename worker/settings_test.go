package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

const (
	key         = "a-key-of-the-test"
	keyVariable = "TWOCAPTCHA_API_KEY=" + key
)

// outcomeOf runs the worker with an environment of its own.
func outcomeOf(ctx context.Context, environ []string, args ...string) (status int, stdout, stderr string) {
	var out, messages bytes.Buffer
	// Nothing of the user's own settings is read.
	environ = append([]string{"TEMPORAL_CONFIG_FILE=" + os.DevNull}, environ...)
	status = run(ctx, command.Invocation{
		Name: "worker", Arguments: args, Environment: environ, Output: &out, Errors: &messages,
	})
	return status, out.String(), messages.String()
}

// flagsOf reads the flags of a command line that nothing is wrong with.
func flagsOf(t *testing.T, environment command.Environment, args ...string) flags {
	t.Helper()
	var line commandLine
	invocation := command.Invocation{Name: "worker", Arguments: args, Environment: environment, Output: io.Discard}
	_, shown, err := invocation.ParseFlags("", &line)
	require.NoError(t, err)
	require.False(t, shown)
	require.NoError(t, line.Serve.validate())
	return line.Serve
}

func TestBadConfigurationIsOneLine(t *testing.T) {
	t.Parallel()
	const (
		seeHelp = " (see worker --help)"
		keyFile = "TWOCAPTCHA_API_KEY_FILE: temporal-2captcha: twocaptcha: the client key file "
		url     = "TWOCAPTCHA_API_URL, or --api-url: twocaptcha: "
		balance = "TWOCAPTCHA_MIN_BALANCE, or --min-balance: "
		rates   = "--max-requests-per-second: TWOCAPTCHA_MAX_REQUESTS_PER_SECOND, or the flag, is "
	)
	const (
		callbackAddress = "TWOCAPTCHA_CALLBACK_ADDRESS=localhost:0"
		addresses       = "TWOCAPTCHA_CALLBACK_ADDRESS, or --callback-address, is "
		metricsAddress  = "TWOCAPTCHA_METRICS_ADDRESS, or --metrics-address, is "
		takesBalance    = " is not an amount: it takes one in the account's currency, such as 1 or 0.50, or 0 for no floor"
		takesAddress    = ": it takes HOST:PORT, or :PORT for every interface"
	)
	callbackURL := "TWOCAPTCHA_CALLBACK_URL, or --callback-url: " + callback.CheckURL("example.com").Error()
	empty := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	tests := map[string]struct {
		environ []string
		args    []string
		message string
	}{
		"no key":                     {nil, nil, "the account's key is missing: set TWOCAPTCHA_API_KEY, or TWOCAPTCHA_API_KEY_FILE to a file that holds it"},
		"an empty key":               {[]string{"TWOCAPTCHA_API_KEY="}, nil, "the account's key is missing: set TWOCAPTCHA_API_KEY, or TWOCAPTCHA_API_KEY_FILE to a file that holds it"},
		"two keys":                   {[]string{keyVariable, "TWOCAPTCHA_API_KEY_FILE=key"}, nil, "TWOCAPTCHA_API_KEY and TWOCAPTCHA_API_KEY_FILE are both set: set one of them"},
		"an empty key file":          {[]string{"TWOCAPTCHA_API_KEY_FILE=" + empty}, nil, keyFile + empty + ` is empty: it takes the account's API key`},
		"a clear-text address":       {[]string{keyVariable}, []string{"--api-url", "http://example.com"}, url + "URL http://example.com would send the client key in the clear: use https://, since http:// is for loopback hosts only"},
		"no rate":                    {[]string{keyVariable, "TWOCAPTCHA_MAX_REQUESTS_PER_SECOND=few"}, nil, rates + `"few": it takes a positive number, or 0 for no limit` + seeHelp},
		"a negative rate":            {[]string{keyVariable}, []string{"--max-requests-per-second=-1"}, rates + `"-1": it takes a positive number, or 0 for no limit` + seeHelp},
		"a rate of NaN":              {[]string{keyVariable}, []string{"--max-requests-per-second=NaN"}, rates + `"NaN": it takes a positive number, or 0 for no limit` + seeHelp},
		"an endless rate":            {[]string{keyVariable}, []string{"--max-requests-per-second=Inf"}, rates + `"Inf": it takes a positive number, or 0 for no limit` + seeHelp},
		"neither on nor off":         {[]string{keyVariable, "TWOCAPTCHA_NEXUS=false"}, nil, `TWOCAPTCHA_NEXUS, or --nexus, is "false": it takes on or off` + seeHelp},
		"no balance":                 {[]string{keyVariable, "TWOCAPTCHA_MIN_BALANCE=few"}, nil, balance + `"few"` + takesBalance},
		"a negative balance":         {[]string{keyVariable}, []string{"--min-balance=-1"}, balance + `"-1"` + takesBalance},
		"a balance without end":      {[]string{keyVariable, "TWOCAPTCHA_MIN_BALANCE=1e999999999"}, nil, balance + `"1e999999999"` + takesBalance},
		"a balance with a comma":     {[]string{keyVariable, "TWOCAPTCHA_MIN_BALANCE=0,5"}, nil, balance + `"0,5"` + takesBalance},
		"a fraction as a balance":    {[]string{keyVariable, "TWOCAPTCHA_MIN_BALANCE=1/3"}, nil, balance + `"1/3"` + takesBalance},
		"a negative cache":           {[]string{keyVariable}, []string{"--workflow-cache-size=-1"}, "--workflow-cache-size is -1: it takes 0, for none, or a positive number" + seeHelp},
		"no task queue":              {[]string{keyVariable}, []string{"--task-queue="}, "--task-queue is empty: it takes the task queue's name" + seeHelp},
		"an unknown log format":      {[]string{keyVariable}, []string{"--log-format", "xml"}, `--log-format must be one of "text","json" but got "xml"` + seeHelp},
		"an unknown log level":       {[]string{keyVariable}, []string{"--log-level", "loud"}, `--log-level must be one of "debug","info","warn","error" but got "loud"` + seeHelp},
		"an unknown flag":            {[]string{keyVariable}, []string{"--fast"}, "unknown flag --fast" + seeHelp},
		"a flag without a value":     {[]string{keyVariable}, []string{"--task-queue"}, "--task-queue: expected string value but got none" + seeHelp},
		"an argument":                {[]string{keyVariable}, []string{"74372499131"}, "unexpected argument 74372499131" + seeHelp},
		"callbacks without a secret": {[]string{keyVariable, callbackAddress}, nil, "the secret of callback addresses is missing: set TWOCAPTCHA_CALLBACK_SECRET, or TWOCAPTCHA_CALLBACK_SECRET_FILE to a file that holds it"},
		"two callback secrets":       {[]string{keyVariable, callbackAddress, "TWOCAPTCHA_CALLBACK_SECRET=s", "TWOCAPTCHA_CALLBACK_SECRET_FILE=s"}, nil, "TWOCAPTCHA_CALLBACK_SECRET and TWOCAPTCHA_CALLBACK_SECRET_FILE are both set: set one of them"},
		"an empty callback secret":   {[]string{keyVariable, callbackAddress, "TWOCAPTCHA_CALLBACK_SECRET_FILE=" + empty}, nil, "the file that TWOCAPTCHA_CALLBACK_SECRET_FILE names is empty: it takes the secret of callback addresses"},
		"no such callback secret":    {[]string{keyVariable, callbackAddress, "TWOCAPTCHA_CALLBACK_SECRET_FILE=" + empty + "s"}, nil, "the file that TWOCAPTCHA_CALLBACK_SECRET_FILE names can't be read: no such file or directory"},
		"a callback port alone":      {[]string{keyVariable, "TWOCAPTCHA_CALLBACK_ADDRESS=8080"}, nil, addresses + `"8080"` + takesAddress + seeHelp},
		"a callback host alone":      {[]string{keyVariable}, []string{"--callback-address", "localhost:"}, addresses + `"localhost:"` + takesAddress + seeHelp},
		"a metrics port alone":       {[]string{keyVariable, "TWOCAPTCHA_METRICS_ADDRESS=9090"}, nil, metricsAddress + `"9090"` + takesAddress + seeHelp},
		"a metrics port too large":   {[]string{keyVariable, "TWOCAPTCHA_METRICS_ADDRESS=:65536"}, nil, metricsAddress + `":65536"` + takesAddress + seeHelp},
		"a URL of metrics":           {[]string{keyVariable, "TWOCAPTCHA_METRICS_ADDRESS=http://localhost:9090/metrics"}, nil, metricsAddress + `"http://localhost:9090/metrics"` + takesAddress + seeHelp},
		"a metrics host alone":       {[]string{keyVariable}, []string{"--metrics-address", "localhost:"}, metricsAddress + `"localhost:"` + takesAddress + seeHelp},
		"a host as a callback URL":   {[]string{keyVariable, "TWOCAPTCHA_CALLBACK_URL=example.com"}, nil, callbackURL + seeHelp},
		"a --callback-url by ftp":    {[]string{keyVariable}, []string{"--callback-url", "ftp://example.com"}, callbackURL + seeHelp},
		"half a version":             {[]string{keyVariable, "TEMPORAL_WORKER_BUILD_ID=1"}, nil, "only one of TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID is set: set both, for Worker Versioning, or neither"},
		"a missing profile":          {[]string{keyVariable, "TEMPORAL_PROFILE=none"}, nil, "TEMPORAL_PROFILE is \"none\": it takes the name of a profile in " + os.DevNull + ", which has no such profile"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := outcomeOf(t.Context(), test.environ, test.args...)
			require.Equal(t, "worker: "+test.message+"\n", stderr)
			require.Empty(t, stdout)
			require.Equal(t, command.ExitUsage, status)
		})
	}
}

func TestSecretsAreNotFlags(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--api-key", "--client-key", "--key", "--callback-secret", "--secret"} {
		status, stdout, stderr := outcomeOf(t.Context(), nil, flag+"="+key)
		require.Equal(t, command.ExitUsage, status)
		require.NotContains(t, stdout+stderr, key)
	}
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	address := closedPort(t)
	status, stdout, stderr := outcomeOf(t.Context(), []string{keyVariable, "TEMPORAL_ADDRESS=" + address})
	require.Regexp(t, `^worker: the Temporal server at `+address+` can't be reached: start it, or set TEMPORAL_ADDRESS `+
		`\(.*connection refused.*\)\n$`, stderr)
	require.Empty(t, stdout)
	require.Equal(t, command.ExitFailed, status)
}

func TestStopBeforeTheServerIsReached(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, _, stderr := outcomeOf(ctx, []string{keyVariable, "TEMPORAL_ADDRESS=" + closedPort(t)})
	require.Empty(t, stderr)
	require.Equal(t, command.ExitDone, status)
}

func TestHelpNamesFlagsEnvironmentAndExitStatuses(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--help", "-h"} {
		status, stdout, stderr := outcomeOf(t.Context(), nil, flag)
		require.Equal(t, command.ExitDone, status)
		require.Empty(t, stderr)
		for _, text := range []string{
			"Usage: worker [flags]",
			"--api-url", "--task-queue", "--max-requests-per-second", "--workflow-cache-size", "--log-format", "--log-level",
			"--callback-address", "--callback-url", "--callback-domain-token",
			"--nexus", "TWOCAPTCHA_NEXUS", "--metrics-address", "TWOCAPTCHA_METRICS_ADDRESS",
			"TWOCAPTCHA_CALLBACK_ADDRESS", "TWOCAPTCHA_CALLBACK_URL", "TWOCAPTCHA_CALLBACK_DOMAIN_TOKEN",
			"TWOCAPTCHA_CALLBACK_SECRET", "TWOCAPTCHA_CALLBACK_SECRET_FILE",
			"TWOCAPTCHA_API_KEY", "TWOCAPTCHA_API_KEY_FILE", "TWOCAPTCHA_API_URL", "TWOCAPTCHA_MAX_REQUESTS_PER_SECOND",
			"--min-balance", "TWOCAPTCHA_MIN_BALANCE",
			"TEMPORAL_TASK_QUEUE", "TEMPORAL_ADDRESS", "TEMPORAL_CODEC_ENDPOINT", "TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID", "Exit status:",
		} {
			require.Contains(t, stdout, text)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	status, stdout, _ := outcomeOf(t.Context(), nil, "--version")
	require.Equal(t, command.ExitDone, status)
	require.Regexp(t, `^worker \d+\.\d+\.\d+( \(commit [0-9a-f]+(-dirty)?\))?\n$`, stdout)
}

func TestConfigurationReachesTheWorkersOptions(t *testing.T) {
	t.Parallel()
	environ := command.Environment{
		keyVariable, "TEMPORAL_TASK_QUEUE=captchas", "TWOCAPTCHA_MAX_REQUESTS_PER_SECOND=2.5", "TWOCAPTCHA_API_URL=http://localhost:1",
		"TEMPORAL_DEPLOYMENT_NAME=2captcha", "TEMPORAL_WORKER_BUILD_ID=7",
	}
	f := flagsOf(t, environ)
	require.Equal(t, "captchas", f.TaskQueue)
	require.Equal(t, "http://localhost:1", f.APIURL)
	require.Equal(t, command.WorkflowCacheSize, f.WorkflowCacheSize)

	options := workerOptionsOf(t, f, environ)
	require.Equal(t, 2.5, options.TaskQueueActivitiesPerSecond)
	require.Equal(t, worker.DeploymentOptions{
		UseVersioning: true,
		Version:       worker.WorkerDeploymentVersion{DeploymentName: "2captcha", BuildID: "7"},
	}, options.DeploymentOptions)

	f = flagsOf(t, environ, "--task-queue", "mine", "--max-requests-per-second", "7", "--workflow-cache-size", "0")
	require.Equal(t, "mine", f.TaskQueue, "the command line counts more")
	require.Equal(t, rate(7), f.MaxRequestsPerSecond)
	require.Equal(t, 0, f.WorkflowCacheSize)

	f = flagsOf(t, command.Environment{keyVariable})
	require.Equal(t, "2captcha", f.TaskQueue)
	require.Equal(t, "https://api.2captcha.com", f.APIURL)
	options = workerOptionsOf(t, f, command.Environment{keyVariable})
	require.Zero(t, options.TaskQueueActivitiesPerSecond)
	require.Equal(t, worker.DeploymentOptions{}, options.DeploymentOptions)
}

// A pod gets 30 s to end; a request may take 15 s, and then its outcome is reported.
func TestStopTimeoutCoversARequestWithinAPodsGracePeriod(t *testing.T) {
	t.Parallel()
	options := workerOptionsOf(t, flagsOf(t, nil), command.Environment{keyVariable})
	require.Greater(t, options.WorkerStopTimeout.Seconds(), 15.0)
	require.Less(t, options.WorkerStopTimeout.Seconds(), 30.0)
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func workerOptionsOf(t *testing.T, f flags, environment command.Environment) worker.Options {
	t.Helper()
	s, err := newSettings(f, environment, io.Discard)
	require.NoError(t, err)
	require.NoError(t, s.lostKey(), "the key's check is the provider's")
	return s.worker
}
