package main

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/progress"
)

// request is what a command has to do, on whatever Temporal server.
type request struct {
	jobs   []batch.Job
	detach bool
	// fairnessKey is whose work it is; "": nobody's in particular.
	fairnessKey string
	// brief shows no progress: the results come at once.
	brief bool
	again resumption
}

// run does it on the server that the flags say.
func (r request) run(ctx context.Context, invocation command.Invocation, f serverFlags) int {
	r.again.flags = f.commandLine()
	r.fairnessKey = f.FairnessKey
	if f.Dev {
		return r.runOnDevServer(ctx, invocation, f)
	}
	return r.runOnServer(ctx, invocation, f.TaskQueue)
}

// runOnServer runs on the user's Temporal server, whose workers run elsewhere.
func (r request) runOnServer(ctx context.Context, invocation command.Invocation, taskQueue string) int {
	options, err := command.ClientOptions(invocation.Environment)
	if err != nil {
		return invocation.Fail(command.ExitUsage, err)
	}
	options.Logger = quiet // what users need to know arrives as an error
	temporalClient, err := command.Dial(ctx, options, "--dev brings one along")
	if ctx.Err() != nil {
		return invocation.Fail(command.ExitInterrupted, errInterruptedBefore)
	}
	if err != nil {
		return invocation.Fail(command.ExitFailed, err)
	}
	defer temporalClient.Close()

	shown := r.progress(invocation)
	server := batch.Server{Client: temporalClient, Address: options.HostPort, Namespace: options.Namespace}
	summary, err := r.await(ctx, server, taskQueue, shown, shown)
	r.again.goesOn = "their workflows go on without this command"
	return finish(ctx, invocation, summary, err, r.again)
}

func (r request) progress(invocation command.Invocation) progress.Progress {
	if r.brief {
		return progress.NewBrief(invocation)
	}
	return progress.New(r.jobs, invocation)
}

// await shows on shown how the jobs proceed. observer is told of the waits: it is shown, or passes
// what it is told on to it.
func (r request) await(ctx context.Context, server batch.Server, taskQueue string, shown progress.Progress,
	observer batch.Observer) (batch.Summary, error) {
	shown.Open(server.Status)
	defer shown.Close()
	return batch.Batch{
		Server:      server,
		TaskQueue:   taskQueue,
		FairnessKey: r.fairnessKey,
		Detach:      r.detach,
		Observer:    observer,
	}.Run(ctx, r.jobs)
}

// messageOf returns the message of the error that the workflow would end with.
func messageOf(err error) error {
	var applicationError *temporal.ApplicationError
	if errors.As(err, &applicationError) {
		return errors.New(applicationError.Message())
	}
	return err
}
