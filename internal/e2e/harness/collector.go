package harness

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Collector takes traces by OTLP, as an operator's does.
type Collector struct {
	collectorpb.UnimplementedTraceServiceServer
	mutex  sync.Mutex
	spans  []Span
	bodies []byte // all that was sent
}

// Span is one that was sent, and of which service.
type Span struct {
	*tracepb.Span
	Service string
}

// StartCollector starts a collector that is reached by HTTP, and returns its URL.
func StartCollector(t *testing.T) (*Collector, string) {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collectorpb.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = c.Export(r.Context(), &request)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return c, server.URL
}

// StartGRPCCollector is StartCollector by gRPC.
func StartGRPCCollector(t *testing.T) (*Collector, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c, server := &Collector{}, grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return c, "http://" + listener.Addr().String()
}

// Export implements the collector's service.
func (c *Collector) Export(
	_ context.Context, request *collectorpb.ExportTraceServiceRequest,
) (*collectorpb.ExportTraceServiceResponse, error) {
	whole, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.bodies = append(c.bodies, whole...)
	for _, of := range request.GetResourceSpans() {
		service := ""
		for _, attribute := range of.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.name" {
				service = attribute.GetValue().GetStringValue()
			}
		}
		for _, scope := range of.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, Span{span, service})
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// Spans are those that were sent so far.
func (c *Collector) Spans() []Span {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]Span(nil), c.spans...)
}

// Bodies are the bytes of all that was sent so far.
func (c *Collector) Bodies() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return string(c.bodies)
}
