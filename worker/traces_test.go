package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func TestTracesAreSentIfTheEnvironmentAsksForThem(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"
	for name, test := range map[string]struct {
		environment command.Environment
		protocol    string // "": no traces
		problem     string
	}{
		"nothing":                     {nil, "", ""},
		"an empty endpoint":           {command.Environment{"OTEL_EXPORTER_OTLP_ENDPOINT= "}, "", ""},
		"the name of a service alone": {command.Environment{"OTEL_SERVICE_NAME=mine"}, "", ""},
		"an endpoint of metrics":      {command.Environment{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://collector:4318"}, "", ""},
		"an endpoint":                 {command.Environment{endpoint}, "http/protobuf", ""},
		"an endpoint of traces":       {command.Environment{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://collector/v1/traces"}, "http/protobuf", ""},
		"an exporter":                 {command.Environment{"OTEL_TRACES_EXPORTER=otlp"}, "http/protobuf", ""},
		"gRPC":                        {command.Environment{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, "grpc", ""},
		"gRPC for metrics, not here":  {command.Environment{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf"}, "http/protobuf", ""},
		"disabled":                    {command.Environment{endpoint, "OTEL_SDK_DISABLED=TRUE"}, "", ""},
		"not disabled":                {command.Environment{endpoint, "OTEL_SDK_DISABLED=false"}, "http/protobuf", ""},
		"no exporter":                 {command.Environment{endpoint, "OTEL_TRACES_EXPORTER=none"}, "", ""},
		"disabled, and nonsense":      {command.Environment{"OTEL_EXPORTER_OTLP_ENDPOINT=nonsense", "OTEL_SDK_DISABLED=true"}, "", ""},
		"another exporter":            {command.Environment{"OTEL_TRACES_EXPORTER=zipkin"}, "", `OTEL_TRACES_EXPORTER is "zipkin": it takes otlp or none`},
		"another protocol":            {command.Environment{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"}, "", `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json": it takes http/protobuf or grpc`},
		"an endpoint without scheme":  {command.Environment{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318"}, "", "OTEL_EXPORTER_OTLP_ENDPOINT is not a URL: it takes the collector's, such as http://collector:4318"},
		"an endpoint with a password": {command.Environment{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://u:topsecret@%"}, "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not a URL: it takes the collector's, such as http://collector:4318"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			protocol, err := traceProtocol(test.environment)
			if test.problem != "" {
				require.EqualError(t, err, test.problem)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.protocol, protocol)
		})
	}
}

func TestWithoutTracesAndMetricsNothingIsIntercepted(t *testing.T) {
	t.Parallel()
	s, _ := newCallbackSettings(t, nil)
	require.Nil(t, s.client.Interceptors)
	require.Nil(t, s.client.MetricsHandler)
	require.Nil(t, s.callbacks.Metrics)
	require.Nil(t, s.metrics)
	require.Nil(t, s.traces)
	s.traces.end()
}

func TestWrongTraceSettingsAreBadUsage(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := outcomeOf(t.Context(), []string{keyVariable, "OTEL_TRACES_EXPORTER=jaeger"})
	require.Equal(t, command.ExitUsage, status)
	require.Empty(t, stdout)
	require.Equal(t, "worker: OTEL_TRACES_EXPORTER is \"jaeger\": it takes otlp or none\n", stderr)
}

// sender answers a request, or fails it.
type sender func(*http.Request) (*http.Response, error)

func (s sender) RoundTrip(request *http.Request) (*http.Response, error) { return s(request) }

func TestRequestsSpan(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct {
		status     int
		err        error
		attributes []attribute.KeyValue
		code       codes.Code
	}{
		"an answer": {200, nil, []attribute.KeyValue{
			attribute.Int("http.response.status_code", 200), attribute.String("network.protocol.version", "1.1")}, codes.Unset},
		"an error": {502, nil, []attribute.KeyValue{attribute.String("error.type", "502"),
			attribute.Int("http.response.status_code", 502), attribute.String("network.protocol.version", "1.1")}, codes.Error},
		"a redirect": {302, nil, []attribute.KeyValue{
			attribute.Int("http.response.status_code", 302), attribute.String("network.protocol.version", "1.1")}, codes.Unset},
		"no answer": {0, errors.New(`malformed HTTP response "{\"clientKey\":\"` + secret + `\"}"`), []attribute.KeyValue{attribute.String("error.type", "_OTHER")}, codes.Error},
		"a timeout": {0, context.DeadlineExceeded, []attribute.KeyValue{attribute.String("error.type", "timeout")}, codes.Error},
		"given up":  {0, context.Canceled, []attribute.KeyValue{attribute.String("error.type", "canceled")}, codes.Error},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := tracetest.NewSpanRecorder()
			provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
			traces := &traces{provider: provider}
			ctx, parent := provider.Tracer("test").Start(t.Context(), "parent")
			body := strings.NewReader(`{"clientKey":"` + secret + `"}`)
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://proxy.example/"+secret+"/getTaskResult", body)
			require.NoError(t, err)
			sent := false

			response, err := traces.wrapTransport(sender(func(got *http.Request) (*http.Response, error) {
				sent = true
				require.Equal(t, request.Body, got.Body, "net/http knows it, and writes it together with the header")
				require.Equal(t, request.Header, got.Header, "the service is told nothing of the trace")
				require.NotEqual(t, parent.SpanContext().SpanID(), trace.SpanContextFromContext(got.Context()).SpanID())
				if test.err != nil {
					return nil, test.err
				}
				return &http.Response{StatusCode: test.status, ProtoMajor: 1, ProtoMinor: 1}, nil
			})).RoundTrip(request)

			require.True(t, sent)
			require.Equal(t, test.err, err)
			if test.err == nil {
				require.Equal(t, test.status, response.StatusCode)
			}
			require.Len(t, recorder.Ended(), 1)
			span := recorder.Ended()[0]
			require.Equal(t, "POST /getTaskResult", span.Name())
			require.Equal(t, trace.SpanKindClient, span.SpanKind())
			require.Equal(t, parent.SpanContext().SpanID(), span.Parent().SpanID())
			require.Equal(t, test.code, span.Status().Code)
			require.ElementsMatch(t, append([]attribute.KeyValue{
				attribute.String("http.request.method", "POST"),
				attribute.String("url.full", "https://proxy.example/getTaskResult"),
				attribute.String("server.address", "proxy.example"),
				attribute.Int("server.port", 443),
			}, test.attributes...), span.Attributes())
			require.Empty(t, span.Events())
			require.NotContains(t, span.Status().Description, secret)
		})
	}
}

func TestWhatFailsAllTheTimeIsWarnedOfEveryTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &logLines{}
		seldom := &seldom{logger: slog.New(slog.NewTextHandler(log, nil))}
		for range 25 * 12 { // 25 minutes
			seldom.Handle(errors.New("connection refused"))
			time.Sleep(5 * time.Second)
		}
		require.Equal(t, 3, strings.Count(log.String(), `level=WARN msg="traces or metrics are lost: the worker goes on without them" error="connection refused"`), log)
	})
}
