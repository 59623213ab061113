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

// Intercept answers a call of Temporal's API in place of the server, or passes it on.
type Intercept func(w http.ResponseWriter, r *http.Request, passOn http.Handler)

// StartGateway starts a gateway in front of the dev server that the tests share, and returns its
// address. It gives the calls of one method of Temporal's API to intercept. All other calls go
// through.
func StartGateway(t *testing.T, method string, intercept Intercept) (address string) {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true) // which gRPC is, without TLS
	transport := &http.Transport{Protocols: protocols}
	calls := http.NewServeMux()
	passOn := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: Address()})
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // calls that a worker has given up
	}
	calls.HandleFunc("/temporal.api.workflowservice.v1.WorkflowService/"+method,
		func(w http.ResponseWriter, r *http.Request) { intercept(w, r, passOn) })
	calls.Handle("/", passOn)
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

// Refusing has all calls answered by refuse.
func Refusing(refuse http.HandlerFunc) Intercept {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) { refuse(w, r) }
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
