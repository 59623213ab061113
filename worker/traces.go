package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	// serviceName is what traces say without OTEL_SERVICE_NAME.
	serviceName = "temporal-2captcha-worker"
	// lastExportTime is how long the last spans may take when the worker has drained. A pod's shutdown
	// has room for it.
	lastExportTime = 3 * time.Second
)

// The standard variables of OpenTelemetry that are read here. Its exporter, sampler and batches
// read others themselves.
const (
	disabledVariable       = "OTEL_SDK_DISABLED"
	exporterVariable       = "OTEL_TRACES_EXPORTER"
	endpointVariable       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpointVariable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocolVariable       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocolVariable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
)

// traces are sent to a collector.
type traces struct {
	provider *sdktrace.TracerProvider
	// temporal makes spans of what goes through a client and its workers, and hands on the trace that
	// they belong to.
	temporal interceptor.Interceptor
}

// newTraces returns nil if the environment asks for no traces. An error names the variable that is
// wrong. A collector that can't be reached is not an error.
func newTraces(environment command.Environment, logger *slog.Logger) (*traces, error) {
	protocol, err := traceProtocol(environment)
	if protocol == "" || err != nil {
		return nil, err
	}
	// These are the library's for the whole process. Its lines about its settings may show the
	// collector's credentials.
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(&seldom{logger: logger})

	of, err := resource.New(context.Background(),
		resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(serviceName), semconv.ServiceVersion(twocaptcha.Version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, errors.New("OTEL_RESOURCE_ATTRIBUTES can't be read: it takes name=value,name=value")
	}
	client := otlptracehttp.NewClient()
	if protocol == "grpc" {
		client = otlptracegrpc.NewClient()
	}
	exporter, err := otlptrace.New(context.Background(), client)
	if err != nil {
		return nil, errors.New("traces can't be sent: check the OTEL_EXPORTER_OTLP_* variables")
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(of))
	temporal, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: provider.Tracer("go.temporal.io/sdk"),
		// A caller's header that is not OpenTelemetry's must not block its task.
		AllowInvalidParentSpans: true,
	})
	if err != nil {
		return nil, fmt.Errorf("traces can't be made: %w", err)
	}
	return &traces{provider, temporal}, nil
}

// traceProtocol is "http/protobuf" or "grpc", or "" if no traces are asked for.
func traceProtocol(environment command.Environment) (string, error) {
	get := func(name string) string { return strings.TrimSpace(environment.Getenv(name)) }
	if strings.EqualFold(get(disabledVariable), "true") {
		return "", nil
	}
	endpoint, endpointName := get(tracesEndpointVariable), tracesEndpointVariable
	if endpoint == "" {
		endpoint, endpointName = get(endpointVariable), endpointVariable
	}
	switch exporter := get(exporterVariable); {
	case exporter == "none", exporter == "" && endpoint == "":
		return "", nil
	case exporter != "" && exporter != "otlp":
		return "", fmt.Errorf("%s is %q: it takes otlp or none", exporterVariable, exporter)
	}
	if endpoint != "" {
		parsed, err := url.Parse(endpoint)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return "", fmt.Errorf("%s is not a URL: it takes the collector's, such as http://collector:4318", endpointName)
		}
	}
	protocol, protocolName := get(tracesProtocolVariable), tracesProtocolVariable
	if protocol == "" {
		protocol, protocolName = get(protocolVariable), protocolVariable
	}
	switch protocol {
	case "":
		return "http/protobuf", nil
	case "http/protobuf", "grpc":
		return protocol, nil
	}
	return "", fmt.Errorf("%s is %q: it takes http/protobuf or grpc", protocolName, protocol)
}

// end sends the last spans, if the collector takes them in time.
func (t *traces) end() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastExportTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}
