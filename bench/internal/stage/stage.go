// Package stage is where designs are measured: a Temporal server, a simulated service and worker
// processes. Each run has its own, except for a Temporal server that was there before.
package stage

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/provider"
)

// solution is every task's.
const solution = `{"token":"0cAFcWeA5Y3hF8YNfdkTLLrd"}`

// Options say what a stage has.
type Options struct {
	command.Invocation        // takes the progress, and names the Temporal CLI
	Workers            int    // how many worker processes
	Tuning             Tuning // of each
	Profiles           string // a folder for their profiles; "": they make none
	UnlimitedPolls     bool   // the service bans nobody for too many

	// Temporal has the TEMPORAL_* of a server that is there, and Server is one that the benchmark has
	// started. Both nil: the stage starts a server of its own.
	Temporal command.Environment
	Server   *Server
	Cluster  bool // servers that are started are of several processes, on PostgreSQL; false: dev servers
}

type stage struct {
	Options
	design         designs.Design
	service        *simulator.Server
	temporalClient client.Client     // nil: the design does without Temporal
	started        *startedWorkflows // by the client
	workers        []*workerProcess
	callbackURL    string // where the service calls back
}

// on calls measure with a stage whose workers serve the design. If the server or a worker process
// ends meanwhile, the context of measure is canceled, and the error says so.
func on(ctx context.Context, design designs.Design, options Options, measure func(context.Context, *stage) error) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &stage{Options: options, design: design}
	key := rand.Text()
	s.service, err = simulator.Start(simulator.Options{
		ClientKey: key, WithoutPollBudget: options.UnlimitedPolls, NewTask: submitted, FirstTaskID: firstTaskID(),
	})
	if err != nil {
		return err
	}
	defer s.service.Close()
	service := provider.Config{ClientKey: key, APIURL: s.service.URL()}
	settings := Settings{
		Design: design.Name, Service: service, Tuning: options.Tuning, Temporal: options.Temporal,
		TaskQueue: fmt.Sprintf("bench-%s-%s", design.Name, rand.Text()),
	}
	if design.Start != nil {
		ownServer := options.Temporal == nil && options.Server == nil
		if ownServer {
			if s.Server, err = StartServer(ctx, options); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Server.Stop()) }()
		}
		if s.Server != nil {
			go func() {
				select {
				case <-s.Server.Done():
					cancel(s.Server.Err())
				case <-ctx.Done():
				}
			}()
			settings.Temporal = s.Server.settings()
		}
		s.started = &startedWorkflows{taskQueue: settings.TaskQueue}
		s.temporalClient, err = dial(ctx, settings.Temporal, s.started)
		if err != nil {
			return err
		}
		defer s.temporalClient.Close()
		if !ownServer {
			defer s.terminateOpen(ctx) // the workers have ended then
		}
	}
	for range options.Workers {
		worker, err := startWorker(ctx, cancel)
		if err != nil {
			return err
		}
		defer func() { cancel(nil); <-worker.Ended() }()
		s.workers = append(s.workers, worker)
		if err := worker.Call("Worker.Start", settings, &s.callbackURL); err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
	}
	err = measure(ctx, s)
	return cmp.Or(context.Cause(ctx), err)
}

// sent is how many requests for an operation the workers have sent to the Temporal server.
func (s *stage) sent(operation string) (total int, err error) {
	for _, worker := range s.workers {
		var count int
		err = cmp.Or(err, worker.Call("Worker.Sent", operation, &count))
		total += count
	}
	return total, err
}

// firstTaskID differs from one stage to the next, and so do the workflow ids that are made of task
// ids: a known result would be answered from the workflow that has it. It is far above the
// service's own ids, whose workflows may be in the same namespace, and below 2^53.
func firstTaskID() int64 { return 1<<52 + mathrand.Int64N(1<<51) }

func discardLogger() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

func sleepUntil(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Until(at)):
		return nil
	}
}
