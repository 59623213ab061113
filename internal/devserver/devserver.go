// Package devserver runs a Temporal dev server with Web UI as a child process: for the starter's
// --dev and --demo, for the benchmark and for the tests.
//
// The server is the Temporal CLI's "server start-dev", on loopback. It writes nothing on this
// process's standard output, gets no Ctrl-C from the terminal, and inherits neither the client key
// nor any other setting of this project or of Temporal. It never outlives this process, however
// this process ends.
//
// If no CLI is at hand, the pinned release is downloaded into the user's cache folder and its
// checksum is compared: seconds, once. If that fails, or TEMPORAL_CLI_DOWNLOAD is off, the CLI is
// built from tools/temporal: minutes, once.
//
// The package works on Linux and macOS. On other systems it compiles, and [Start] says what to do
// instead.
package devserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/temporal-providers/temporal-2captcha/internal/loopback"
	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

const (
	startAttempts = 5
	readyTimeout  = 60 * time.Second
	// The CLI takes 1.5 s to shut an idle server down.
	stopTimeout = 10 * time.Second
	killTimeout = 10 * time.Second
)

// Options say which CLI is run and what the server keeps. The zero value is a server in memory, run
// by the pinned CLI.
type Options struct {
	// CLI is the Temporal CLI to run, a path or a name on the PATH: what TEMPORAL_CLI says. "": see
	// SearchPath.
	CLI string
	// CLIDownload is what TEMPORAL_CLI_DOWNLOAD says. "off": the CLI is not downloaded. "" or "on":
	// the pinned release is downloaded if no other CLI is at hand.
	CLIDownload string
	// SearchPath takes the temporal on the PATH if its version is at least MinimumCLIVersion. If not,
	// and without SearchPath, the pinned release is taken.
	SearchPath bool
	// Messages takes what people should know, a line each, such as how far a download or a build of
	// the CLI is. Nil: nobody is told.
	Messages io.Writer

	// Database is the SQLite file that keeps the server's state. It and its folder are made if they
	// are missing. One server at a time has it. "": in memory.
	Database string
	Port     int // of the gRPC API; 0: 7233 if free, else a free one
	UIPort   int // of the Web UI; 0: 8233 if free, else a free one

	// DynamicConfig are settings of the server, each as KEY=JSON, such as
	// limit.historyCount.suggestContinueAsNew=4096.
	DynamicConfig []string

	// release stands in for the pinned release in tests. Nil: the real one.
	release *archive
	// choosePorts stands in for the choice of ports in tests. Nil: the real one.
	choosePorts func(context.Context, Options) (ports, error)
}

// Server is a running dev server. Its methods may be called from several goroutines at the same
// time.
type Server struct {
	process  *process.Process
	log      *process.LogTail
	ports    ports
	stopping atomic.Bool
}

// Start runs a dev server and returns once its namespace "default" and its Web UI answer, for which
// the server gets 60 s. ctx bounds the start, including a download or a build of the CLI, but not
// the server's life afterwards. The caller ends the server with [Server.Stop] or [Server.Kill]. If
// the calling process ends first, the server ends with it.
//
// An error says what is missing and what to do. If the server failed, the error holds the last
// lines of its log. If another server has the database, it is a [DatabaseInUseError]. On error,
// nothing is left running.
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
	// The server's process holds the lock on its database for as long as it lives, so that this
	// process needn't.
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
			if err := data.complete(server.Address()); err != nil {
				return nil, errors.Join(err, server.Kill())
			}
			return server, nil
		}
		// Another process may take a port after it was found free, and the CLI picks a few ports of
		// its own.
		if !errors.Is(err, errPortTaken) || attempt == startAttempts {
			return nil, err
		}
	}
}

// Address is the host and port of the gRPC API, as client.Options.HostPort takes it.
func (s *Server) Address() string { return loopback.Address(s.ports.frontend) }

// WebURL is the Web UI's address, without a slash at the end.
func (s *Server) WebURL() string { return "http://" + loopback.Address(s.ports.ui) }

// Port is the port of the gRPC API. If another Start gets it as Options.Port, the clients of this
// server find the other one.
func (s *Server) Port() int { return s.ports.frontend }

// ProcessID is the id of the CLI's process, even after it has ended. If the CLI is a script, what
// it starts are descendants of that process.
func (s *Server) ProcessID() int { return s.process.ID() }

// Done is closed when the server has ended, whatever ended it.
func (s *Server) Done() <-chan struct{} { return s.process.Ended() }

// Err says why the server ended, with the last lines of its log. It is nil while the server runs,
// and after Stop or Kill.
func (s *Server) Err() error {
	select {
	case <-s.process.Ended():
	default:
		return nil
	}
	if s.stopping.Load() {
		return nil
	}
	return s.log.Explain(fmt.Errorf("the Temporal dev server ended by itself: %s", s.process.Outcome()))
}

// Stop ends the server gracefully: SIGTERM, and SIGKILL if the server is still there 10 s later. It
// returns once the server has ended, and nil if the server had ended before. An error says that the
// server can't be ended.
func (s *Server) Stop() error {
	s.stopping.Store(true)
	s.process.Signal(syscall.SIGTERM)
	if s.process.EndsWithin(stopTimeout) {
		return nil
	}
	return s.Kill()
}

// Kill ends the server at once with SIGKILL, as a crash would. Its database keeps what it holds,
// for the next Start. Kill returns once the server has ended, and nil if the server had ended
// before. An error says that the server can't be ended.
func (s *Server) Kill() error {
	s.stopping.Store(true)
	s.process.Signal(syscall.SIGKILL)
	if s.process.EndsWithin(killTimeout) {
		return nil
	}
	return fmt.Errorf("the Temporal dev server (process %d) is still there %s after SIGKILL", s.process.ID(), killTimeout)
}

// addressInUse is what the server logs if another process has one of its ports.
const addressInUse = "address already in use"

// errPortTaken marks a start that failed because another process had one of the ports.
var errPortTaken = errors.New("a port is taken by another program")

// start runs the server once, on these ports, and waits until it answers.
func start(ctx context.Context, cli string, options Options, data *database, ports ports) (*Server, error) {
	log := &process.LogTail{}
	child, err := process.Start(process.Command{
		Path:      cli,
		Arguments: serverArguments(options, data, ports),
		Folder:    data.folder,
		// The client key is only for the worker. TEMPORAL_* says how clients connect, and the CLI would
		// take it in place of flags.
		Environment: process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_"),
		Output:      log,
		Errors:      log,
		Inherited:   data.locked(),
	})
	if err != nil {
		return nil, fmt.Errorf("the Temporal dev server did not start: %w", err)
	}
	server := &Server{process: child, log: log, ports: ports}
	err = waitUntilReady(ctx, server)
	if err == nil {
		return server, nil
	}
	if killErr := server.Kill(); killErr != nil {
		err = errors.Join(err, killErr)
	}
	if log.Contains(addressInUse) && !errors.Is(err, errPortTaken) {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return nil, log.Explain(fmt.Errorf("the Temporal dev server (%s) did not start: %w", cli, err))
}

func serverArguments(options Options, data *database, ports ports) []string {
	arguments := []string{
		"server", "start-dev",
		"--ip", loopback.Host,
		"--port", strconv.Itoa(ports.frontend),
		"--ui-port", strconv.Itoa(ports.ui),
		"--http-port", strconv.Itoa(ports.http),
		"--metrics-port", strconv.Itoa(ports.metrics),
		"--log-level", "error",
		// What a person has configured for the CLI is meant for another server.
		"--env-file", os.DevNull,
		"--disable-config-file",
		// The server would ask Temporal's site for its newest version.
		"--dynamic-config-value", "frontend.enableServerVersionCheck=false",
		// By default, the CLI's server reads its namespace from the database at every start of a
		// workflow, one read at a time, so that a new search attribute counts at once. If it is
		// busy, it then rejects workflows because it does not find their namespace.
		"--dynamic-config-value", "system.forceSearchAttributesCacheRefreshOnRead=false",
		// The server has one shard, and would read its queue at most 20 times a second: a limit that
		// is meant for servers with hundreds of shards.
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
