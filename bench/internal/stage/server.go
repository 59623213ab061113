package stage

import (
	"context"
	"os"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
)

// Server is a Temporal server that the benchmark has started.
type Server struct {
	running
	Name      string
	processes map[string][]int  // process groups by component
	profiled  map[string]string // where net/http/pprof answers, by the process's name
	psql      []string          // the command line before a query; nil: the database is SQLite
}

type running interface {
	Address() string
	Done() <-chan struct{}
	Err() error
	Stop() error
}

// StartServer starts a cluster or a dev server, as the options say. The caller stops it.
func StartServer(ctx context.Context, options Options) (*Server, error) {
	if options.Cluster {
		return startCluster(ctx, options)
	}
	cli, download := options.Environment.Getenv("TEMPORAL_CLI"), options.Environment.Getenv("TEMPORAL_CLI_DOWNLOAD")
	server, err := devserver.Start(ctx, devserver.Options{CLI: cli, CLIDownload: download, SearchPath: true, Messages: options.Errors})
	if err != nil {
		return nil, err
	}
	return &Server{running: server, Name: "dev server", processes: map[string][]int{"dev server": {server.ProcessID()}}}, nil
}

// serverName is the name of a server that the benchmark has started, with what follows it; "" for
// one that was there before.
func (s *stage) serverName(then string) string {
	if s.Server == nil {
		return ""
	}
	return s.Server.Name + then
}

// settings name the server to clients and workers.
func (s *Server) settings() command.Environment {
	return command.Environment{"TEMPORAL_ADDRESS=" + s.Address(), "TEMPORAL_CONFIG_FILE=" + os.DevNull}
}

// version is that of the Temporal server.
func (s *Server) version(ctx context.Context) (string, error) {
	temporalClient, err := dial(ctx, s.settings())
	if err != nil {
		return "", err
	}
	defer temporalClient.Close()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	info, err := temporalClient.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	return info.GetServerVersion(), err
}
