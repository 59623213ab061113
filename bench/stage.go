package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
)

const dialTimeout = 10 * time.Second

// stage is what a design runs on: a simulated service, a Temporal dev server in memory and worker processes, all its own.
type stage struct {
	design   design
	service  *simulator.Server
	server   *devserver.Server // nil: the design does without
	temporal client.Client     // nil likewise
	workers  []*workerHandle

	callbackURL string // the base of callbacks' addresses
	secret      string // of the callbacks
}

// stageOptions say what a stage has.
type stageOptions struct {
	cli      string // the Temporal CLI, as devserver.Options has it
	download string // whether that is downloaded, as devserver.Options has it
	messages io.Writer
	workers  int
	tuning   workerTuning
	profiles string // a folder for the workers' profiles; "": none

	unlimitedPolls bool // the service bans nobody for too many
}

// openStage returns a stage whose workers serve the design. Where it fails, nothing is left running.
func openStage(ctx context.Context, design design, options stageOptions) (_ *stage, err error) {
	s := &stage{design: design, secret: rand.Text()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	key := rand.Text()
	s.service, err = simulator.Start(simulator.Options{ClientKey: key, WithoutPollBudget: options.unlimitedPolls})
	if err != nil {
		return nil, err
	}
	settings := workerSettings{
		design: design.name, apiURL: s.service.URL(), key: key, secret: s.secret,
		profiles: options.profiles, tuning: options.tuning,
	}
	if design.start != nil {
		if err := s.startTemporal(ctx, options); err != nil {
			return nil, err
		}
		settings.temporal = s.server.Address()
	}
	for range options.workers {
		worker, serves, err := startWorker(ctx, settings)
		if err != nil {
			return nil, err
		}
		s.workers = append(s.workers, worker)
		s.callbackURL = serves.CallbackURL
	}
	return s, nil
}

func (s *stage) startTemporal(ctx context.Context, options stageOptions) error {
	server, err := devserver.Start(ctx, devserver.Options{
		CLI: options.cli, CLIDownload: options.download, SearchPath: true, Messages: options.messages,
	})
	if err != nil {
		return err
	}
	s.server = server
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	s.temporal, err = client.DialContext(ctx, client.Options{
		HostPort: server.Address(),
		Logger:   log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	return err
}

// submit has a task submitted that is ready after this time, and returns its id and when it will be ready.
func (s *stage) submit(solveTime time.Duration) (taskID int64, readyAt time.Time, err error) {
	submission := simulator.Submission{Answers: []simulator.Answer{simulator.ReadyAfter(solveTime, solution)}}
	if s.design.callbacks {
		if submission.CallbackURL, err = callback.URL(s.callbackURL, s.secret); err != nil {
			return 0, time.Time{}, err
		}
	}
	readyAt = time.Now().Add(solveTime)
	return s.service.Submit(submission), readyAt, nil
}

// solution is every task's.
const solution = `{"token":"0cAFcWeA5Y3hF8YNfdkTLLrd"}`

// start starts the workflow that waits for a task.
func (s *stage) start(ctx context.Context, taskID int64) (client.WorkflowRun, error) {
	start := s.design.start(taskID)
	return s.temporal.ExecuteWorkflow(ctx, start.options, start.workflow, start.input)
}

// serverUsage is what the Temporal server uses; nothing where there is none.
func (s *stage) serverUsage() (usage, error) {
	if s.server == nil {
		return usage{}, nil
	}
	return readUsage(s.server.ProcessID())
}

// stopWorkers has the worker processes end, and returns how many heartbeats they sent.
func (s *stage) stopWorkers() (heartbeats int64, err error) {
	for _, worker := range s.workers {
		counts, stopErr := worker.stop()
		heartbeats += counts.Heartbeats
		err = errors.Join(err, stopErr)
	}
	s.workers = nil
	return heartbeats, err
}

// watched is a context that ends, with the reason, when the Temporal server or a worker process does before it is stopped.
func (s *stage) watched(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if s.server != nil {
		go func() {
			select {
			case <-s.server.Done():
				cancel(s.server.Err())
			case <-ctx.Done():
			}
		}()
	}
	for _, worker := range s.workers {
		go func() {
			select {
			case <-worker.done:
				if !worker.stopping.Load() {
					cancel(errors.New("a worker process has ended by itself"))
				}
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

// close ends everything.
func (s *stage) close() error {
	_, err := s.stopWorkers()
	if s.temporal != nil {
		s.temporal.Close()
	}
	if s.server != nil {
		err = errors.Join(err, s.server.Stop())
	}
	if s.service != nil {
		s.service.Close()
	}
	return err
}
