package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
)

// StartServer starts a Temporal dev server of the test's own, which is stopped when the test ends.
func StartServer(t *testing.T, options devserver.Options) *devserver.Server {
	t.Helper()
	options.CLI = CLI()
	server, err := devserver.Start(Context(t), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

// Restartable are the options of a server that can be killed and started again: its database and
// its port outlive it.
func Restartable(t *testing.T) devserver.Options {
	t.Helper()
	return devserver.Options{CLI: CLI(), Database: filepath.Join(t.TempDir(), "temporal.db"), Port: NewPort(t)}
}

// NewAddress is an address for a server that can be started again on it.
func NewAddress(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", NewPort(t))
}

// Dial returns a client of the dev server that the tests share. It is closed when the test ends.
func Dial(t *testing.T) client.Client {
	t.Helper()
	return DialWith(t, client.Options{HostPort: Address()})
}

// DialWith is Dial for another server or another namespace. The answers to its status queries are
// held against their JSON Schema.
func DialWith(t *testing.T, options client.Options) client.Client {
	t.Helper()
	options.Logger = QuietLogger{}
	options.Interceptors = append(options.Interceptors, &statusChecker{t: t})
	temporalClient, err := client.Dial(options)
	require.NoError(t, err)
	t.Cleanup(temporalClient.Close)
	return temporalClient
}

// Context ends when the test's patience does, or with the test.
func Context(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// QuietLogger keeps the SDK's log lines out of the tests' output.
type QuietLogger struct{}

func (QuietLogger) Debug(string, ...any) {}
func (QuietLogger) Info(string, ...any)  {}
func (QuietLogger) Warn(string, ...any)  {}
func (QuietLogger) Error(string, ...any) {}

var _ log.Logger = QuietLogger{}

var lastPort atomic.Int64

// NewPort is a port that nobody else takes while the server on it is down: it is above those that
// dev servers choose from, and below those that systems hand out.
func NewPort(t *testing.T) int {
	t.Helper()
	const first, count = 30000, 2700
	for range count {
		port := first + (os.Getpid()+int(lastPort.Add(1)))%count
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	require.FailNow(t, "no free port")
	return 0
}
