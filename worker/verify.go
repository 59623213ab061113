package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/alecthomas/kong"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/provider"
)

const verifyName = "verify"

// verifyCommand replays a namespace's executions with this build. It needs no client key, since
// nothing is sent to the service.
type verifyCommand struct {
	Limit int           `default:"${verify_limit}" placeholder:"N" help:"Maximum executions to replay (default ${verify_limit})."`
	Since time.Duration `default:"24h" placeholder:"DURATION" help:"Replay also executions that closed within this time (default 24h)."`
}

func (v *verifyCommand) run(ctx context.Context, invocation command.Invocation, parsed *kong.Context) int {
	if err := v.validate(); err != nil {
		return invocation.FailUsage(parsed, err)
	}
	options, err := command.WorkerClientOptions(invocation.Environment)
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	options.Logger = log.NewStructuredLogger(slog.New(slog.DiscardHandler)) // errors say what users need to know
	report, err := v.verify(ctx, options)
	if report != nil {
		if err := v.print(invocation.Output, *report); err != nil {
			return invocation.Fail(command.ExitFailed, fmt.Errorf("standard output can't be written: %w", err))
		}
	}
	switch {
	case ctx.Err() != nil:
		return invocation.Fail(command.ExitInterrupted, errors.New("interrupted before everything was replayed"))
	case err != nil:
		return invocation.Fail(command.ExitFailed, err)
	case len(report.Broken) > 0:
		return invocation.Fail(command.ExitFailed, errors.New("this build would break executions: don't roll it out"))
	}
	return command.ExitDone
}

func (v *verifyCommand) validate() error {
	if v.Limit <= 0 {
		return fmt.Errorf("--limit is %d: it takes a positive number", v.Limit)
	}
	if v.Since <= 0 {
		return fmt.Errorf("--since is %s: it takes a positive duration, such as 24h", v.Since)
	}
	return nil
}

// verify returns no report if the server can't be reached.
func (v *verifyCommand) verify(ctx context.Context, options client.Options) (*provider.VerifyReport, error) {
	temporalClient, err := command.Dial(ctx, options)
	if err != nil {
		return nil, err
	}
	defer temporalClient.Close()
	report, err := provider.Verify(ctx, temporalClient, provider.VerifyOptions{
		Limit: v.Limit, Since: v.Since,
		Replayer: worker.WorkflowReplayerOptions{
			DataConverter: options.DataConverter, FailureConverter: options.FailureConverter,
		},
	})
	switch {
	case errors.As(err, new(*serviceerror.Unavailable)), errors.As(err, new(*serviceerror.DeadlineExceeded)):
		err = command.Unreachable(options.HostPort, err)
	case err != nil:
		err = fmt.Errorf("the Temporal server at %s refuses to tell of namespace %q: "+
			"set TEMPORAL_NAMESPACE, and the credentials that go with it (%w)", options.HostPort, options.Namespace, err)
	}
	return &report, err
}

// print writes a line for each execution that would break, and how many were replayed in the last
// line.
func (v *verifyCommand) print(to io.Writer, report provider.VerifyReport) error {
	for _, broken := range report.Broken {
		if _, err := fmt.Fprintln(to, command.ShellWord(broken.WorkflowID), broken.RunID, broken.Why); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("%d executions replayed, %d would break, %d left out because they had not begun",
		report.Replayed, len(report.Broken), report.LeftOut)
	if report.More {
		line += fmt.Sprintf("; --limit is %d, and there may be more", v.Limit)
	}
	_, err := fmt.Fprintln(to, line)
	return err
}

func (verifyCommand) Description() string {
	return `Replays a namespace's executions of this provider's workflows with this build, before it is rolled out. Those that it
could not go on with would stand still until another build comes: it names them. It starts and changes nothing, asks
the 2captcha service for nothing, and needs no client key.

It replays the executions that are open, and those that closed lately, open ones and new ones first. Those that no
worker has begun with are left out. On standard output it prints a line for each that would break, with workflow id,
run id and the reason. The last line says how many were replayed.

Environment:
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE,
  TEMPORAL_CODEC_ENDPOINT, TEMPORAL_CODEC_AUTH
                            As for worker. Workers with a codec server need it here too.

Example:
  TEMPORAL_ADDRESS=temporal:7233 worker verify --since 48h

Exit status:
  0    none would break
  1    at least one would break, or the Temporal server can't be reached or refuses
  2    bad usage or configuration
  130  interrupted`
}
