package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"

	"github.com/temporal-providers/temporal-2captcha/internal/cluster"
	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// component is what the figures call a role.
func component(role cluster.Role) string {
	switch role {
	case cluster.Worker:
		return "system" // worker is the project's
	case cluster.PostgreSQL:
		return "PostgreSQL"
	}
	return string(role)
}

// Components are the names of what a server of several processes consists of.
func Components() []string {
	return []string{"frontend", "history", "matching", "system", "PostgreSQL"}
}

func startCluster(ctx context.Context, options Options) (*Server, error) {
	psql, err := cluster.PostgreSQLProgram("psql")
	if err != nil {
		return nil, err
	}
	started, err := cluster.Start(ctx, cluster.Options{Messages: options.Errors})
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(started.Database())
	server := &Server{
		running: started, Name: "cluster", processes: map[string][]int{}, profiled: map[string]string{},
		psql: []string{psql, "-XAtq", fmt.Sprintf("host=%s port=%s user=temporal dbname=temporal", host, port), "-c"},
	}
	for _, member := range started.Members() {
		server.processes[component(member.Role)] = append(server.processes[component(member.Role)], member.ProcessID())
		if member.Role != cluster.PostgreSQL {
			server.profiled[member.Name] = member.ProfileURL()
		}
	}
	return server, nil
}

// databaseVersion is the name and version of the server's database.
func (s *Server) databaseVersion(ctx context.Context) (string, error) {
	if s.psql == nil {
		return "SQLite in memory", nil
	}
	version, err := s.ask(ctx, "SHOW server_version")
	version, _, _ = strings.Cut(version, " ") // the rest is the package's
	return "PostgreSQL " + version, err
}

// written is how many rows of PostgreSQL have been inserted, updated or deleted so far, and how
// many bytes its write-ahead log has had; nil: the server has no PostgreSQL.
func (s *Server) written(ctx context.Context) (rows, bytes *float64, err error) {
	if s.psql == nil {
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
	asking := exec.CommandContext(ctx, s.psql[0], append(s.psql[1:], query)...)
	asking.Env = process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_", "PG")
	answer, err := asking.Output()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		err = fmt.Errorf("psql: %s", strings.TrimSpace(string(failed.Stderr)))
	}
	return strings.TrimSpace(string(answer)), err
}
