package harness

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// StartGateway starts a gateway in front of the dev server that the tests share, and returns its
// address. It answers one method of Temporal's API itself, by refuse. All other calls go through.
func StartGateway(t *testing.T, method string, refuse http.HandlerFunc) (address string) {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true) // which gRPC is, without TLS
	transport := &http.Transport{Protocols: protocols}
	calls := http.NewServeMux()
	calls.HandleFunc("/temporal.api.workflowservice.v1.WorkflowService/"+method, refuse)
	calls.Handle("/", &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: Address()})
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // calls that a worker has given up
	})
	gateway := httptest.NewUnstartedServer(calls)
	gateway.Config.Protocols = protocols
	gateway.Start()
	t.Cleanup(func() {
		gateway.CloseClientConnections()
		gateway.Close()
		transport.CloseIdleConnections()
	})
	return strings.TrimPrefix(gateway.URL, "http://")
}

// RawStatus answers with a gRPC status and nothing else, as gateways do: Temporal's own errors have
// details besides.
func RawStatus(code int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", strconv.Itoa(code))
		w.Header().Set("Grpc-Message", message)
	}
}
