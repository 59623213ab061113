package chaos

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/cluster"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/loopback"
)

// temporalServer is the server under a run. Its parts are killed and started again on the same
// ports and data.
type temporalServer interface {
	address() string
	kill(part string) error
	restart(part string) error
	// err says what has ended by itself.
	err() error
}

// clusterParts are the processes of a cluster.
var clusterParts = []string{"frontend", "history-1", "history-2", "matching", "worker", "postgresql"}

// startServer starts a server that ends with the test.
func startServer(t *testing.T, onCluster bool) temporalServer {
	t.Helper()
	if onCluster {
		started, err := cluster.Start(t.Context(), cluster.Options{Messages: os.Stderr})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, started.Stop()) })
		return clusterServer{started}
	}
	options := harness.Restartable(t)
	server := &devServer{options, harness.StartServer(t, options)}
	t.Cleanup(func() { assert.NoError(t, server.running.Stop()) }) // one that was started later
	return server
}

// devServer is its only part.
type devServer struct {
	options devserver.Options
	running *devserver.Server // only the goroutine that kills it replaces it
}

func (s *devServer) address() string   { return loopback.Address(s.options.Port) }
func (s *devServer) kill(string) error { return s.running.Kill() }
func (s *devServer) err() error        { return s.running.Err() }

func (s *devServer) restart(string) error {
	server, err := devserver.Start(context.Background(), s.options)
	if err == nil {
		s.running = server
	}
	return err
}

type clusterServer struct{ *cluster.Cluster }

func (s clusterServer) address() string { return s.Address() }
func (s clusterServer) err() error      { return s.Err() }

func (s clusterServer) kill(part string) error { return s.member(part).Kill() }

func (s clusterServer) restart(part string) error {
	return s.member(part).Restart(context.Background())
}

func (s clusterServer) member(part string) *cluster.Member {
	members := s.Members()
	return members[slices.IndexFunc(members, func(m *cluster.Member) bool { return m.Name == part })]
}
