//go:build linux || darwin

package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
)

// namespaceThere is the namespace that the benchmark has on a server that is there.
const namespaceThere = "load"

// serverThere is a Temporal server that is there before the benchmark.
type serverThere struct {
	*devserver.Server
	client client.Client // of the benchmark's namespace
}

func startServerThere(t *testing.T) serverThere {
	t.Helper()
	server, err := devserver.Start(t.Context(), devserver.Options{
		CLI: os.Getenv("TEMPORAL_CLI"), CLIDownload: os.Getenv("TEMPORAL_CLI_DOWNLOAD"), Messages: t.Output(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Kill() })
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: server.Address()})
	require.NoError(t, err)
	t.Cleanup(namespaces.Close)
	require.NoError(t, namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: namespaceThere, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	}))
	temporalClient, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: namespaceThere})
	require.NoError(t, err)
	t.Cleanup(temporalClient.Close)
	return serverThere{server, temporalClient}
}

// requireCount waits until the number of workflows that a query finds is right.
func (s serverThere) requireCount(t *testing.T, query string, right func(count int) bool) {
	t.Helper()
	var count int64
	require.Eventually(t, func() bool {
		found, err := s.client.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		count = found.GetCount()
		return err == nil && right(int(count))
	}, 2*time.Minute, 100*time.Millisecond, query)
}

// withTLS returns the address and the certificate, in PEM, of a proxy that wants TLS and a key.
func (s serverThere) withTLS(t *testing.T, key string) (address, certificate string) {
	t.Helper()
	target := &url.URL{Scheme: "http", Host: s.Address()}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport, FlushInterval: -1,
		ErrorLog: log.New(io.Discard, "", 0), // polls end with their workers
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+key {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(front.CloseClientConnections)
	return front.Listener.Addr().String(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}))
}

// TestServerThatIsThere measures it several times: what one run leaves there must not change the
// next one's figures.
func TestServerThatIsThere(t *testing.T) {
	t.Parallel()
	server := startServerThere(t)
	others := client.StartWorkflowOptions{TaskQueue: "others"}
	_, err := server.client.ExecuteWorkflow(t.Context(), others, "AwaitTaskResult")
	require.NoError(t, err)
	without := command.Environment{"TEMPORAL_CLI=/does/not/exist", "TEMPORAL_ADDRESS=127.0.0.1:1"}

	requireFiguresOfEveryDesign(t, append(without, "TEMPORAL_NAMESPACE=elsewhere"),
		"--address", server.Address(), "--namespace", namespaceThere)
	address, certificate := server.withTLS(t, "a-key")
	requireFiguresOfEveryDesign(t,
		append(without, "TEMPORAL_NAMESPACE="+namespaceThere, "TEMPORAL_API_KEY=a-key", "TEMPORAL_TLS_SERVER_CA_CERT_DATA="+certificate),
		"--address", address)
	requireScale(t, without, "--address", server.Address(), "--namespace", namespaceThere)

	server.requireCount(t, `ExecutionStatus = "Running" AND TaskQueue != "others"`, func(count int) bool { return count == 0 })
	server.requireCount(t, `ExecutionStatus = "Running"`, func(count int) bool { return count == 1 })
	queues := map[string]bool{}
	for next := []byte(nil); ; {
		found, err := server.client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: next})
		require.NoError(t, err)
		for _, execution := range found.Executions {
			queues[execution.TaskQueue] = true
		}
		if next = found.NextPageToken; next == nil {
			break
		}
	}
	require.Len(t, queues, 2*7+2+1, "of two runs of each design on Temporal, of two of --scale, and the others'")
}

func TestServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	server := startServerThere(t)
	for name, test := range map[string]struct {
		args    []string
		message string
	}{
		"no server":    {[]string{"--address", "127.0.0.1:1"}, "bench: the Temporal server at 127.0.0.1:1 can't be reached: start it, or set --address ("},
		"no namespace": {[]string{"--scale", "--address", server.Address(), "--namespace", "elsewhere"}, "bench: the Temporal server at " + server.Address() + ` refuses namespace "elsewhere": set --namespace`},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := outcomeOf(t, test.args...)
			require.Equal(t, command.ExitFailed, status)
			require.Empty(t, stdout)
			require.Regexp(t, `^[^\n]+\n$`, stderr)
			require.Contains(t, stderr, test.message)
		})
	}
}
