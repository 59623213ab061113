// Package devserver runs a Temporal dev server with Web UI as a child process: for the starter's --dev and --demo,
// and for the tests.
//
// The server is the Temporal CLI's "server start-dev", on loopback. It writes nothing on this process's standard
// output, gets no Ctrl-C from the terminal, inherits neither the client key nor any other setting of this project or
// of Temporal, and never outlives this process, however that ends. Where no CLI is at hand, the one pinned in
// tools/temporal is built into the user's cache folder: minutes, once.
//
// Linux and macOS only: elsewhere everything compiles and [Start] says what to do instead.
package devserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

const (
	host = "127.0.0.1"

	startAttempts = 5
	readyTimeout  = 60 * time.Second
	// The CLI takes 1.5 s to shut an idle server down.
	stopTimeout = 10 * time.Second
	killTimeout = 10 * time.Second
)

// Options say which CLI is run and what the server keeps. The zero value is a server in memory, by the pinned CLI.
type Options struct {
	// CLI is the Temporal CLI to run, a path or a name on the PATH: what TEMPORAL_CLI says. "": see SearchPath.
	CLI string
	// SearchPath takes a temporal on the PATH, where there is one of at least MinimumCLIVersion; else the pinned one.
	SearchPath bool
	// Messages takes what people should know, a line each: that the CLI is being built, and how long that takes.
	// Nil: nobody is told.
	Messages io.Writer

	// Database is the SQLite file that keeps the server's state, made with its folder where missing; one server at a
	// time has it. "": in memory.
	Database string
	Port     int // of the gRPC API; 0: 7233 if free, else a free one
	UIPort   int // of the Web UI; 0: 8233 if free, else a free one

	// DynamicConfig are settings of the server's, each as KEY=JSON, such as limit.historyCount.suggestContinueAsNew=4096.
	DynamicConfig []string

	// choosePorts stands in for the choice of ports in tests; nil: the real one.
	choosePorts func(context.Context, Options) (ports, error)
}

// Server is a running dev server. Its methods may be called from several goroutines at once.
type Server struct {
	process  *process.Process
	log      *logTail
	ports    ports
	stopping atomic.Bool
}

// Start runs a dev server and returns once its namespace "default" and its Web UI answer, for which it gets 60 s.
// ctx bounds the start alone, a build of the CLI included, and not the server's life after it. The caller ends the
// server with [Server.Stop] or [Server.Kill]; where the calling process ends without, so does the server.
//
// An error says what is missing and what to do, with the last lines of the server's log where it was the server that
// failed. Nothing is left running then.
func Start(ctx context.Context, options Options) (*Server, error) {
	if err := checkSystem(); err != nil {
		return nil, err
	}
	cli, err := CLI(ctx, options)
	if err != nil {
		return nil, err
	}
	data, err := openDatabase(ctx, options.Database)
	if err != nil {
		return nil, err
	}
	// The server's process holds the lock on its database for as long as it lives, so this one needn't.
	defer data.close()

	choose := options.choosePorts
	if choose == nil {
		choose = choosePorts
	}
	for attempt := 1; ; attempt++ {
		ports, err := choose(ctx, options)
		if err != nil {
			return nil, err
		}
		server, err := start(ctx, cli, options, data, ports)
		if err == nil {
			if err := data.complete(); err != nil {
				return nil, errors.Join(err, server.Kill())
			}
			return server, nil
		}
		// Another process may take a port after it was found free, and the CLI picks a few ports of its own.
		if !errors.Is(err, errPortTaken) || attempt == startAttempts {
			return nil, err
		}
	}
}

// Address is the host and port of the gRPC API, as client.Options.HostPort takes it.
func (s *Server) Address() string { return address(s.ports.frontend) }

// WebURL is the Web UI's address, without a slash at the end.
func (s *Server) WebURL() string { return "http://" + address(s.ports.ui) }

// Port is the port of the gRPC API: given as Options.Port to another Start, clients find that server where this was.
func (s *Server) Port() int { return s.ports.frontend }

// ProcessID is the id of the CLI's process, also after it has ended. What the CLI starts, where it is a script, are its
// descendants.
func (s *Server) ProcessID() int { return s.process.ID() }

// Done is closed when the server has ended, whatever ended it.
func (s *Server) Done() <-chan struct{} { return s.process.Ended() }

// Err is why the server ended, with the last lines of its log; nil while it runs, and after Stop or Kill.
func (s *Server) Err() error {
	select {
	case <-s.process.Ended():
	default:
		return nil
	}
	if s.stopping.Load() {
		return nil
	}
	return s.log.explain(fmt.Errorf("the Temporal dev server ended by itself: %s", s.process.Outcome()))
}

// Stop ends the server in good order: SIGTERM, and SIGKILL where it lives 10 s later. It returns once the server has
// ended; nil also when it had before. The error says that it can't be ended.
func (s *Server) Stop() error {
	s.stopping.Store(true)
	s.process.Signal(syscall.SIGTERM)
	if s.process.EndsWithin(stopTimeout) {
		return nil
	}
	return s.Kill()
}

// Kill ends the server at once, as a crash would: SIGKILL. What its database holds stays, for the next Start. It
// returns once the server has ended; nil also when it had before. The error says that it can't be ended.
func (s *Server) Kill() error {
	s.stopping.Store(true)
	s.process.Signal(syscall.SIGKILL)
	if s.process.EndsWithin(killTimeout) {
		return nil
	}
	return fmt.Errorf("the Temporal dev server (process %d) is still there %s after SIGKILL", s.process.ID(), killTimeout)
}

// addressInUse is what the server's log says of a port that another process has.
const addressInUse = "address already in use"

// errPortTaken marks a start that failed since another process had one of its ports.
var errPortTaken = errors.New("a port is taken by another program")

// start runs the server once, on these ports, and waits until it answers.
func start(ctx context.Context, cli string, options Options, data *database, ports ports) (*Server, error) {
	log := &logTail{}
	process, err := process.Start(process.Command{
		Path:      cli,
		Arguments: serverArguments(options, data, ports),
		Folder:    data.folder,
		// The client key is the worker's alone. TEMPORAL_* says how clients connect, and would stand in for flags.
		Environment: process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_"),
		Output:      log,
		Errors:      log,
		Inherited:   data.locked(),
	})
	if err != nil {
		return nil, fmt.Errorf("the Temporal dev server did not start: %w", err)
	}
	server := &Server{process: process, log: log, ports: ports}
	err = waitUntilReady(ctx, server)
	if err == nil {
		return server, nil
	}
	if killErr := server.Kill(); killErr != nil {
		err = errors.Join(err, killErr)
	}
	if log.contains(addressInUse) && !errors.Is(err, errPortTaken) {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return nil, log.explain(fmt.Errorf("the Temporal dev server (%s) did not start: %w", cli, err))
}

func serverArguments(options Options, data *database, ports ports) []string {
	arguments := []string{
		"server", "start-dev",
		"--ip", host,
		"--port", strconv.Itoa(ports.frontend),
		"--ui-port", strconv.Itoa(ports.ui),
		"--http-port", strconv.Itoa(ports.http),
		"--metrics-port", strconv.Itoa(ports.metrics),
		"--log-level", "error",
		// What a person has set for the CLI is meant for another server.
		"--env-file", os.DevNull,
		"--disable-config-file",
		// The server would ask Temporal's site for its newest version.
		"--dynamic-config-value", "frontend.enableServerVersionCheck=false",
		// The CLI has the server read its namespace from the database at every start of a workflow, one read at a time, so that a new
		// search attribute counts at once. A busy server then takes workflows for those of a namespace that is not there.
		"--dynamic-config-value", "system.forceSearchAttributesCacheRefreshOnRead=false",
		// The server has one shard, whose queue it would read 20 times a second at most: a limit for servers that have hundreds.
		"--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000",
	}
	for _, setting := range options.DynamicConfig {
		arguments = append(arguments, "--dynamic-config-value", setting)
	}
	if data.file != "" {
		arguments = append(arguments, "--db-filename", data.file)
	}
	return arguments
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
