package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/temporal-providers/temporal-2captcha/callback"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	// workerStopTimeout bounds what is left to do for waits that are interrupted: those that have ended need nothing.
	workerStopTimeout = 5 * time.Second
)

// runWorker is a worker process: it serves one design until stdin ends, and returns the exit status.
func runWorker(args []string, environment command.Environment, stdin io.Reader, stdout, stderr io.Writer) int {
	var flags workerFlags
	_, shown, err := command.Invocation{Name: "bench worker", Arguments: args, Environment: environment, Output: stdout}.ParseFlags("Is started by bench.", &flags)
	if shown {
		return exitDone
	}
	if err == nil {
		process := workerProcess{
			flags:    flags,
			service:  provider.Config{ClientKey: environment.Getenv(provider.ClientKeyVariable), APIURL: flags.APIURL},
			secret:   environment.Getenv(command.CallbackSecretVariable),
			stdin:    stdin,
			stdout:   json.NewEncoder(stdout),
			profiles: profiles{folder: flags.Profiles},
		}
		err = process.serve()
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitDone
}

type workerProcess struct {
	flags    workerFlags
	service  provider.Config
	secret   string // of the callbacks
	stdin    io.Reader
	profiles profiles

	mutex  sync.Mutex
	stdout *json.Encoder
}

// serve returns when stdin ends.
func (p *workerProcess) serve() error {
	design, known := designNamed(p.flags.Design)
	switch {
	case !known:
		return fmt.Errorf("there is no design %q", p.flags.Design)
	case design.start == nil:
		return p.serveLoops()
	}
	return p.serveWorkflows(design)
}

func (p *workerProcess) serveWorkflows(design design) error {
	counter := newRequestCounter()
	temporal, err := client.Dial(client.Options{
		HostPort:       p.flags.Temporal,
		Logger:         log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		DataConverter:  command.DataConverter(),
		MetricsHandler: counter,
	})
	if err != nil {
		return err
	}
	defer temporal.Close()
	if percent := p.flags.GCPercent; percent > 0 {
		debug.SetGCPercent(percent)
	}
	worker.SetStickyWorkflowCacheSize(p.flags.WorkflowCacheSize)
	options := p.flags.workerTuning.options()
	options.WorkerStopTimeout = workerStopTimeout
	running := worker.New(temporal, taskQueue, options)
	if err := design.register(running, p.service); err != nil {
		return err
	}
	if err := running.Start(); err != nil {
		return err
	}
	defer func() {
		running.Stop()
		p.send(workerMessage{Counts: counter.message()})
	}()
	var ready serving
	if design.callbacks {
		server, address, err := p.serveCallbacks(temporal)
		if err != nil {
			return err
		}
		defer server.Close()
		ready.CallbackURL = "http://" + address
	}
	p.send(workerMessage{Serving: &ready})
	return p.readRequests(func(request workerRequest) {
		if request.Count {
			p.send(workerMessage{Counts: counter.message()})
		}
	})
}

func (p *workerProcess) serveCallbacks(temporal client.Client) (*http.Server, string, error) {
	handler, err := callback.NewHandler(callback.Options{Temporal: temporal, Secret: p.secret})
	if err != nil {
		return nil, "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := callback.NewServer(handler)
	go func() {
		// It ends with ErrServerClosed, or callbacks are refused from then on, which the figures show.
		_ = server.Serve(listener)
	}()
	return server, listener.Addr().String(), nil
}

// serveLoops serves a design without Temporal.
func (p *workerProcess) serveLoops() error {
	service, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: p.service.ClientKey, URL: p.service.APIURL})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	defer func() {
		cancel()
		loops.Wait()
		p.send(workerMessage{Counts: &workerCounts{}})
	}()
	p.send(workerMessage{Serving: &serving{}})
	return p.readRequests(func(request workerRequest) {
		loops.Go(func() {
			solution, err := plainLoop(ctx, service, request.Wait)
			outcome := loopOutcome{TaskID: request.Wait, At: time.Now(), Solution: solution}
			if err != nil {
				outcome.Error = err.Error()
			}
			p.send(workerMessage{Outcome: &outcome})
		})
	})
}

// readRequests does what is asked for on stdin until that ends. serve is called with what is no request for profiles.
func (p *workerProcess) readRequests(serve func(workerRequest)) error {
	for requests := json.NewDecoder(p.stdin); ; {
		var request workerRequest
		err := requests.Decode(&request)
		switch {
		case errors.Is(err, io.EOF):
			return p.profiles.end()
		case err != nil:
		case request.BeginProfiles != "":
			err = p.profiles.begin(request.BeginProfiles)
		case request.EndProfiles:
			err = p.profiles.end()
		default:
			serve(request)
		}
		if err != nil {
			return err
		}
	}
}

// send ignores that the benchmark reads no more: then it has gone, and stdin with it.
func (p *workerProcess) send(message workerMessage) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_ = p.stdout.Encode(message)
}
