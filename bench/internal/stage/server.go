package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
)

// Server is a Temporal server that the benchmark has started.
type Server struct {
	running
	Name       string
	processes  func() map[string][]int // process groups by component
	postgreSQL string                  // how psql connects to its database; "": that is SQLite
	psql       string                  // the program
}

type running interface {
	Address() string
	Done() <-chan struct{}
	Err() error
	Stop() error
}

// Components are the names of what a server of several processes consists of.
func Components() []string {
	return []string{"frontend", "history", "matching", "system", "PostgreSQL"}
}

// StartServer starts a dev server. The caller stops it.
func StartServer(ctx context.Context, options Options) (*Server, error) {
	cli, download := options.Environment.Getenv("TEMPORAL_CLI"), options.Environment.Getenv("TEMPORAL_CLI_DOWNLOAD")
	server, err := devserver.Start(ctx, devserver.Options{CLI: cli, CLIDownload: download, SearchPath: true, Messages: options.Errors})
	if err != nil {
		return nil, err
	}
	processes := func() map[string][]int { return map[string][]int{"dev server": {server.ProcessID()}} }
	return &Server{running: server, Name: "dev server", processes: processes}, nil
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

// databaseVersion is the name and version of the server's database.
func (s *Server) databaseVersion(ctx context.Context) (string, error) {
	if s.postgreSQL == "" {
		return "SQLite, in memory", nil
	}
	version, err := s.ask(ctx, "SHOW server_version")
	return "PostgreSQL " + version, err
}

// written is how many rows of PostgreSQL have been inserted, updated or deleted so far, and how many
// bytes its write-ahead log has had. Rows are known some seconds late.
func (s *Server) written(ctx context.Context) (rows, bytes *float64, err error) {
	if s.postgreSQL == "" {
		return nil, nil, nil
	}
	answer, err := s.ask(ctx, "SELECT sum(tup_inserted + tup_updated + tup_deleted), pg_current_wal_lsn() - '0/0' FROM pg_stat_database")
	if err != nil {
		return nil, nil, err
	}
	rows, bytes = new(float64), new(float64)
	_, err = fmt.Sscanf(answer, "%g|%g", rows, bytes)
	return rows, bytes, err
}

// ask returns PostgreSQL's answer to a query, which is one row.
func (s *Server) ask(ctx context.Context, query string) (string, error) {
	answer, err := exec.CommandContext(ctx, s.psql, "-XAtqd", s.postgreSQL, "-c", query).Output()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		err = fmt.Errorf("%s: %s", err, failed.Stderr)
	}
	return strings.TrimSpace(string(answer)), err
}
